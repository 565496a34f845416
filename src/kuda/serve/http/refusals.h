#pragma once
// Private to the server: requests that are not served, and why.

#include <optional>
#include <string>

#include "kuda/serve/http/http_io.h"

namespace kuda {

struct Refusal {
  int status;
  std::string message, hint;
};

/// What is wrong with the head of a request: path, method, or how its body is announced. Nothing when it can be served.
[[nodiscard]] std::optional<Refusal> refusal_of(const httplib::Request& request);
/// Bodies are JSON or forms.
[[nodiscard]] std::optional<Refusal> type_refusal(const httplib::Request& request);
/// A body announced as more than twice the most: it would not be read to its end.
[[nodiscard]] std::optional<Refusal> length_refusal(const httplib::Request& request, std::size_t most);
[[nodiscard]] std::optional<Refusal> body_refusal(const Body& body, std::size_t most);

/// The answer, with the headers that its status asks for.
void refuse(httplib::Response& response, const Refusal& refusal);
/// The same as it is sent where no request was read; it ends the connection.
[[nodiscard]] std::string refusal_text(const Refusal& refusal);

}  // namespace kuda
