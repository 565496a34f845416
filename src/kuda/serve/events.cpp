#include "kuda/serve/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kuda/serve/http/header_values.h"

namespace kuda {

namespace {

constexpr const char* kEvents = "text/event-stream";

}  // namespace

bool wants_events(const Request& request) {
  const auto accepted = list_in(request, "Accept");
  return std::any_of(accepted.begin(), accepted.end(), [](const auto& type) { return media_type_of(type) == kEvents; });
}

std::string event_text(std::string_view name, std::string_view json) {
  if (json.ends_with('\n')) json.remove_suffix(1);
  return fmt::format("event: {}\ndata: {}\n\n", name, json);
}

Response event_stream(std::function<void(const SendEvent& send)> work) {
  Response response{.type = kEvents, .headers = {{"Cache-Control", "no-store"}}};
  response.stream = [work = std::move(work)](const SendPiece& send) {
    work([&](std::string_view name, std::string_view json) { send(event_text(name, json)); });
  };
  return response;
}

}  // namespace kuda
