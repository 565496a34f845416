#pragma once
// A server in this process, and clips as JSON. For tests only.

#include <httplib.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kuda/predictor/test_clips.h"
#include "kuda/serve/server.h"

namespace kuda::test {

using Json = nlohmann::ordered_json;

/// Loaded once in a process.
inline const Predictor& predictor() {
  static const Predictor loaded(trained_run() / "run", {.level = 0.8});
  return loaded;
}

/// Serves on a free port until it goes out of scope.
class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}, const Predictor& served = predictor())
      : server_(served, with_free_port(std::move(options))) {
    port = server_.bind();
    thread_ = std::thread([this] { server_.run(stop_); });
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() { stop(); }
  /// As SIGTERM does; returns when everything is answered.
  void stop() {
    ask_to_stop();
    if (thread_.joinable()) thread_.join();
  }
  void ask_to_stop() { stop_ = true; }
  [[nodiscard]] httplib::Client client() const {
    httplib::Client made("127.0.0.1", port);
    made.set_read_timeout(60, 0);
    return made;
  }
  int port = 0;

 private:
  static ServerOptions with_free_port(ServerOptions options) {
    options.port = 0;
    if (options.grace == ServerOptions{}.grace) options.grace = std::chrono::milliseconds(3000);
    return options;
  }
  std::atomic<bool> stop_{false};
  Server server_;
  std::thread thread_;
};

inline Json rows_of_frames(const Frames& frames) {
  auto rows = Json::array();
  for (std::int64_t row = 0; row < frames.length(); ++row) {
    auto& line = rows.emplace_back(Json::array());
    for (std::int64_t i = 0; i < frames.width; ++i)
      line.push_back(double(frames.values[static_cast<std::size_t>(row * frames.width + i)]));
  }
  return rows;
}

inline Json json_of(const ClipInput& clip) {
  Json object{{"id", clip.id}};
  if (clip.text) object["text"] = *clip.text;
  if (clip.vision) object["vision"] = rows_of_frames(*clip.vision);
  if (clip.audio) object["audio"] = rows_of_frames(*clip.audio);
  return object;
}

inline const char* const kJson = "application/json";

/// The message of an error answer, and a failure where it is none.
inline std::string message_of(const httplib::Result& answer, int status) {
  if (!answer) {
    ADD_FAILURE() << "no answer: " << httplib::to_string(answer.error());
    return {};
  }
  EXPECT_EQ(answer->status, status) << answer->body;
  const auto body = Json::parse(answer->body, nullptr, false);
  if (!body.contains("error")) {
    ADD_FAILURE() << answer->body;
    return {};
  }
  EXPECT_TRUE(body["error"]["hint"].is_string());
  return body["error"]["message"].get<std::string>() + "\n" + body["error"]["hint"].get<std::string>();
}

}  // namespace kuda::test
