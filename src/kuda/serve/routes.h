#pragma once
// The paths of the server: the one table of them. The list at "/", the answers 404 and 405 and the test of
// serve/openapi.json come from it. No LibTorch.

#include <string>
#include <string_view>
#include <vector>

#include "kuda/serve/http/message.h"
#include "kuda/serve/video_uploads.h"

namespace kuda {

class Service;
struct Visit;

struct Route {
  std::string_view method;
  const char* path;
  bool is_open;         ///< without the token
  const char* summary;  ///< as in serve/openapi.json
  Response (Service::*handler)(Visit& visit);
  [[nodiscard]] bool has_body() const { return method == "POST"; }
};
[[nodiscard]] const std::vector<Route>& routes();

/// Null where there is none. HEAD has the routes of GET.
[[nodiscard]] const Route* route_of(const Request& request);
/// What a path takes, for the header Allow: with HEAD and OPTIONS; empty for a path that is none.
[[nodiscard]] std::vector<std::string> methods_of(std::string_view path);

/// serve/openapi.json, before the model is known (openapi_json in serve/answers.h).
[[nodiscard]] std::string_view openapi_document() noexcept;
/// What is at "/" for who does not ask for HTML (serve/page.h).
[[nodiscard]] std::string index_text(const VideoOffer& videos = {});

}  // namespace kuda
