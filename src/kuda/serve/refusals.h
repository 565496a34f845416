#pragma once
// Private to the server: requests that are not served, and why.

#include <optional>
#include <string>

#include "kuda/serve/http_io.h"

namespace kuda {

struct Refusal {
  int status;
  std::string message, hint;
};

/// What is wrong with the head of a request: path, method, or how its body is announced. Nothing when it can be served.
[[nodiscard]] std::optional<Refusal> refusal_of(const httplib::Request& request);
/// Bodies are JSON or forms.
[[nodiscard]] std::optional<Refusal> type_refusal(const httplib::Request& request);
[[nodiscard]] std::optional<Refusal> body_refusal(const Body& body, std::size_t most);

/// The answer, with the headers that its status asks for.
void refuse(httplib::Response& response, const Refusal& refusal);

}  // namespace kuda
