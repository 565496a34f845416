#pragma once
// Server-sent events as a client sees them. For tests only.

#include <string>
#include <vector>

#include "kuda/serve/test_server.h"

namespace kuda::test {

struct Event {
  std::string name;
  Json data;
};

inline std::vector<Event> events_of(const std::string& text) {
  std::vector<Event> events;
  for (std::size_t begin = 0, end = 0; (end = text.find("\n\n", begin)) != std::string::npos; begin = end + 2) {
    const auto event = text.substr(begin, end - begin);
    const auto line = event.find("\ndata: ");
    EXPECT_TRUE(event.starts_with("event: ") && line != std::string::npos) << event;
    if (line == std::string::npos) return events;
    events.push_back({event.substr(7, line - 7), Json::parse(event.substr(line + 7))});
  }
  EXPECT_TRUE(text.empty() || text.ends_with("\n\n")) << text;
  return events;
}

}  // namespace kuda::test
