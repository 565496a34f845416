#pragma once
// The paths of the server, and the document that describes them. No LibTorch.

#include <string_view>
#include <vector>

namespace kuda {

struct Route {
  const char* method;
  const char* path;
  bool is_open;  ///< without the token
};
[[nodiscard]] const std::vector<Route>& routes();

/// serve/openapi.json, as it is served.
[[nodiscard]] std::string_view openapi_document() noexcept;
/// What is at "/" for who does not ask for HTML (serve/page.h).
[[nodiscard]] std::string_view index_text() noexcept;

}  // namespace kuda
