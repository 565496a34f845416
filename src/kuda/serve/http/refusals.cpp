#include "kuda/serve/http/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kuda/base/names.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/routes.h"

namespace kuda {
namespace {

/// What is wrong with the announcement of a body. Two servers that read it differently, a proxy and this one, would
/// take a part of a body for a request of its own, so what is not plain is refused.
std::optional<Refusal> framing_refusal(const httplib::Request& request) {
  const auto lengths = request.get_header_value_count("Content-Length");
  const auto codings = request.get_header_value_count("Transfer-Encoding");
  if (lengths + codings > 1 && lengths > 0 && codings > 0)
    return Refusal{400, "expected Content-Length or Transfer-Encoding, found both", {}};
  if (lengths + codings > 1) return Refusal{400, "expected one announcement of a body, found several", {}};
  const auto length = request.get_header_value("Content-Length");
  constexpr std::size_t kMostDigits = 18;  // of a number below 2^63
  const bool is_number = std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (lengths == 1 && (length.empty() || !is_number || length.size() > kMostDigits))
    return Refusal{400, fmt::format("Content-Length: expected a number, found '{}'", length.substr(0, 60)), {}};
  const auto coding = request.get_header_value("Transfer-Encoding");
  if (codings == 1 && coding != "chunked")
    return Refusal{400, fmt::format("Transfer-Encoding: expected chunked, found '{}'", coding.substr(0, 60)), {}};
  return std::nullopt;
}

Refusal too_large(std::size_t most) {
  return {413, fmt::format("the body is larger than {} bytes", most),
          "send fewer clips, or .npz files instead of JSON"};
}

const char* reason_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 408:
      return "Request Timeout";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

std::optional<Refusal> refusal_of(const httplib::Request& request) {
  std::vector<std::string> paths, methods;
  for (const auto& route : routes()) {
    paths.emplace_back(route.path);
    if (request.path == route.path) methods.emplace_back(route.method);
  }
  if (methods.empty()) {
    const auto path = request.path.substr(0, 60);
    return Refusal{404, fmt::format("no such path '{}'", path), suggestion(path, paths)};
  }
  const auto method = request.method == "HEAD" ? std::string("GET") : request.method;
  if (std::find(methods.begin(), methods.end(), method) == methods.end())
    return Refusal{405, fmt::format("{}: expected {}, found {}", request.path, join(methods), request.method), {}};
  if (request.version == "HTTP/1.1" && request.get_header_value_count("Host") != 1)
    return Refusal{400, "expected one Host header", {}};  // RFC 9112, section 3.2
  if (auto refusal = framing_refusal(request)) return refusal;
  if (method == "GET")
    return has_body(request) ? std::optional(Refusal{400, request.path + ": expected no body, found one", {}})
                             : std::nullopt;
  if (!has_body(request) && !request.has_header("Content-Length"))
    return Refusal{411, "expected a Content-Length, found none", {}};
  // cpp-httplib unpacks a form without end before anybody counts its bytes.
  if (request.is_multipart_form_data() && request.has_header("Content-Encoding"))
    return Refusal{415, "Content-Encoding: expected none with a form, found one", "pack the files: .npz"};
  return std::nullopt;
}

std::optional<Refusal> type_refusal(const httplib::Request& request) {
  const auto type = request.get_header_value("Content-Type");
  if (type.starts_with("application/json") || request.is_multipart_form_data()) return std::nullopt;
  return Refusal{
      415,
      fmt::format("Content-Type: expected application/json or multipart/form-data, found '{}'", type.substr(0, 60)),
      "curl: -H 'Content-Type: application/json' -d @clips.json, or -F vision=@vision.npy"};
}

std::optional<Refusal> length_refusal(const httplib::Request& request, std::size_t most) {
  const auto length = request.get_header_value("Content-Length");  // a number: see framing_refusal
  return !length.empty() && std::stoull(length) / 2 > most ? std::optional(too_large(most)) : std::nullopt;
}

std::optional<Refusal> body_refusal(const Body& body, std::size_t most) {
  if (body.end == BodyEnd::too_large) return too_large(most);
  if (body.end == BodyEnd::too_slow) return Refusal{408, "the body did not arrive in time", {}};
  if (body.end == BodyEnd::broken) return Refusal{400, "the body is incomplete, or no valid form", {}};
  return std::nullopt;
}

void refuse(httplib::Response& response, const Refusal& refusal) {
  set_answer(response, refusal.status, error_json(refusal.message, refusal.hint));
  if (refusal.status == 503) response.set_header("Retry-After", "1");
  if (refusal.status == 401) response.set_header("WWW-Authenticate", "Bearer");
}

std::string refusal_text(const Refusal& refusal) {
  const auto content = error_json(refusal.message, refusal.hint);
  return fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Length: {}\r\nContent-Type: application/json\r\n{}\r\n{}",
      refusal.status, reason_of(refusal.status), content.size(), refusal.status == 503 ? "Retry-After: 1\r\n" : "",
      content);
}

}  // namespace kuda
