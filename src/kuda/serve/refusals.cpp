#include "kuda/serve/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/http/body_reader.h"
#include "kuda/serve/http/charset.h"
#include "kuda/serve/http/header_values.h"
#include "kuda/serve/http/multipart.h"

namespace kuda {
namespace {

/// What is wrong with the announcement of a body, beyond what http/request_parser.h refuses: two servers that read it
/// differently, a proxy and this one, would take a part of a body for a request of its own.
std::optional<Refusal> framing_refusal(const Request& request) {
  if (request.count("Content-Length") + request.count("Transfer-Encoding") > 1)
    return Refusal{400, "expected one announcement of a body, found several", {}};
  const auto length = request.header("Content-Length");
  constexpr std::size_t kMostDigits = 18;  // of a number below 2^63
  const bool is_number = std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || length.size() > kMostDigits)
    return Refusal{400, fmt::format("Content-Length: expected a number, found '{}'", length.substr(0, 60)), {}};
  if (request.count("Transfer-Encoding") == 0) return std::nullopt;
  const auto codings = list_in(request, "Transfer-Encoding");
  if (request.is_http_1_0 || codings.empty())  // RFC 9112, section 6.1
    return Refusal{400, "Transfer-Encoding: expected chunked, in HTTP/1.1", {}};
  for (const auto& coding : codings)
    if (coding != "chunked")
      return Refusal{501, fmt::format("Transfer-Encoding: expected chunked, found '{}'", coding.substr(0, 60)), {}};
  if (codings.size() > 1) return Refusal{400, "Transfer-Encoding: expected chunked once, found it again", {}};
  return std::nullopt;
}

Refusal too_large(std::size_t most) {
  return {413, fmt::format("the body is larger than {} bytes", most),
          "send fewer clips, or .npz files instead of JSON"};
}

}  // namespace

Refusal no_route(const Request& request) {
  std::vector<std::string> paths;
  for (const auto& route : routes()) paths.emplace_back(route.path);
  const auto methods = methods_of(request.path);
  const auto path = request.path.substr(0, 60);
  if (methods.empty()) return {404, fmt::format("no such path '{}'", path), suggestion(path, paths)};
  return {405,
          fmt::format("{}: expected {}, found {}", path, methods.front(), request.method),
          {},
          {{"Allow", join(methods)}}};
}

std::optional<Refusal> head_refusal(const Request& request, const Route& route, std::size_t most) {
  if (!request.is_http_1_0 && request.count("Host") != 1)
    return Refusal{400, "expected one Host header", {}};  // RFC 9112, section 3.2
  if (auto refusal = framing_refusal(request)) return refusal;
  const auto expected = request.is_http_1_0 ? std::string_view() : request.header("Expect");
  if (!expected.empty() && lower_case(expected) != "100-continue")
    return Refusal{417, fmt::format("Expect: expected 100-continue, found '{}'", expected.substr(0, 60)), {}};
  if (!route.has_body())
    return request.has_body() ? std::optional(Refusal{400, request.path + ": expected no body, found one", {}})
                              : std::nullopt;
  const auto length = request.header("Content-Length");
  if (length.empty() && !request.has_body()) return Refusal{411, "expected a Content-Length, found none", {}};
  return !length.empty() && std::stoull(std::string(length)) / 2 > most ? std::optional(too_large(most)) : std::nullopt;
}

std::optional<Refusal> type_refusal(const Request& request) {
  const auto type = request.header("Content-Type");
  if (!is_form_type(type) && media_type_of(type) != "application/json")
    return Refusal{
        415,
        fmt::format("Content-Type: expected application/json or multipart/form-data, found '{}'", type.substr(0, 60)),
        "curl: -H 'Content-Type: application/json' -d @clips.json, or -F vision=@vision.npy",
        {{"Accept", "application/json, multipart/form-data"}}};
  if (const auto charset = parameter_of(type, "charset"); charset && !is_form_type(type) && !knows_charset(*charset))
    return Refusal{
        415, fmt::format("Content-Type: charset: expected {}, found '{}'", known_charsets(), charset->substr(0, 40)),
        "send UTF-8"};
  const auto coding = content_coding_of(request);
  if (BodyReader::knows(coding)) return std::nullopt;
  return Refusal{415,
                 fmt::format("Content-Encoding: expected gzip, deflate or none, found '{}'", coding.substr(0, 60)),
                 {},
                 {{"Accept-Encoding", "gzip, deflate"}}};
}

std::optional<Refusal> body_refusal(BodyEnd end, std::size_t most) {
  if (end == BodyEnd::too_large) return too_large(most);
  if (end == BodyEnd::too_slow) return Refusal{408, "the body did not arrive in time", {}};
  if (end == BodyEnd::broken) return Refusal{400, "the body is incomplete, or not what it is announced as", {}};
  return std::nullopt;
}

Response refused(const Refusal& refusal) {
  Response response{.status = refusal.status, .content = error_json(refusal.message, refusal.hint)};
  response.headers = refusal.headers;
  if (refusal.status == 503) response.headers.emplace_back("Retry-After", "1");
  if (refusal.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace kuda
