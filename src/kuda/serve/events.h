#pragma once
// Answers that come bit by bit, as server-sent events (text/event-stream): "event: window", "data: {...}". No LibTorch.

#include <functional>
#include <string>
#include <string_view>

#include "kuda/serve/http/message.h"

namespace kuda {

/// An event of that name; `json` is one line, with or without its end.
using SendEvent = std::function<void(std::string_view name, std::string_view json)>;

/// Whether the client asks for events: text/event-stream in the header Accept.
[[nodiscard]] bool wants_events(const Request& request);
[[nodiscard]] std::string event_text(std::string_view name, std::string_view json);
/// `work` sends the events, in the thread that answers.
[[nodiscard]] Response event_stream(std::function<void(const SendEvent& send)> work);

}  // namespace kuda
