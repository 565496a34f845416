#include "kuda/serve/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "kuda/base/names.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/routes.h"

namespace kuda {

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
  if (method == "GET")
    return has_body(request) ? std::optional(Refusal{400, request.path + ": expected no body, found one", {}})
                             : std::nullopt;
  const bool has_length = request.has_header("Content-Length"), is_chunked = request.has_header("Transfer-Encoding");
  if (has_length && is_chunked) return Refusal{400, "expected Content-Length or Transfer-Encoding, found both", {}};
  if (!has_length && !is_chunked) return Refusal{411, "expected a Content-Length, found none", {}};
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

std::optional<Refusal> body_refusal(const Body& body, std::size_t most) {
  if (body.end == BodyEnd::too_large)
    return Refusal{413, fmt::format("the body is larger than {} bytes", most),
                   "send fewer clips, or .npz files instead of JSON"};
  if (body.end == BodyEnd::too_slow) return Refusal{408, "the body did not arrive in time", {}};
  if (body.end == BodyEnd::broken) return Refusal{400, "the body is incomplete, or no valid form", {}};
  return std::nullopt;
}

void refuse(httplib::Response& response, const Refusal& refusal) {
  set_answer(response, refusal.status, error_json(refusal.message, refusal.hint));
  if (refusal.status == 503) response.set_header("Retry-After", "1");
  if (refusal.status == 401) response.set_header("WWW-Authenticate", "Bearer");
}

}  // namespace kuda
