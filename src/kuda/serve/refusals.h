#pragma once
// Requests that are not served, and why.

#include <cstddef>
#include <optional>

#include "kuda/serve/http/message.h"
#include "kuda/serve/routes.h"

namespace kuda {

/// No route has this path (404), or none this method there (405).
[[nodiscard]] Refusal no_route(const Request& request);
/// What is wrong with a head that has a route: how the request is addressed and its body announced, or that it has one.
/// `most`: a body announced as more than twice that would not be read to its end.
[[nodiscard]] std::optional<Refusal> head_refusal(const Request& request, const Route& route, std::size_t most);
/// Bodies are JSON or forms, packed or not.
[[nodiscard]] std::optional<Refusal> type_refusal(const Request& request);
[[nodiscard]] std::optional<Refusal> body_refusal(BodyEnd end, std::size_t most);

/// The answer, with the headers that its status asks for.
[[nodiscard]] Response refused(const Refusal& refusal);

}  // namespace kuda
