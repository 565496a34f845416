#pragma once
// A server in this process that was given the data its model was trained on. For tests only.

#include <httplib.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "kuda/predictor/test_clips.h"
#include "kuda/serve/server.h"
#include "kuda/serve/test_server.h"

namespace kuda::test {

/// Loaded once in a process.
inline const Predictor& predictor_with_data() {
  static const Predictor loaded(trained_run() / "run", {.level = 0.8, .data = trained_run() / "clips"});
  return loaded;
}

struct DataServer : RunningServer {
  explicit DataServer(ServerOptions options = {}) : RunningServer(std::move(options), predictor_with_data()) {}
};

/// POST /v1/nearest, again and again while the server reads the training clips, for at most a minute.
inline httplib::Result nearest_of(httplib::Client& client, const std::string& body) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (;;) {
    auto answer = client.Post("/v1/nearest", body, kJson);
    if (!answer || answer->status != 503 || std::chrono::steady_clock::now() > end) return answer;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace kuda::test
