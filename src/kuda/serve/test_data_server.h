#pragma once
// A server in this process that was given the data its model was trained on. For tests only.

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "kuda/serve/server.h"
#include "kuda/serve/test_clips.h"
#include "kuda/serve/test_server.h"

namespace kuda::test {

/// Loaded once in a process.
inline const Predictor& predictor_with_data() {
  static const Predictor loaded(trained_run() / "run", {.level = 0.8, .data = trained_run() / "clips"});
  return loaded;
}

/// Serves on a free port until it goes out of scope.
class DataServer {
 public:
  explicit DataServer(ServerOptions options = {}) : server_(predictor_with_data(), with_free_port(std::move(options))) {
    port_ = server_.bind();
    thread_ = std::thread([this] { server_.run(stop_); });
  }
  DataServer(const DataServer&) = delete;
  DataServer& operator=(const DataServer&) = delete;
  ~DataServer() {
    stop_ = true;
    thread_.join();
  }
  [[nodiscard]] httplib::Client client() const {
    httplib::Client made("127.0.0.1", port_);
    made.set_read_timeout(60, 0);
    return made;
  }

 private:
  static ServerOptions with_free_port(ServerOptions options) {
    options.port = 0;
    options.grace = std::chrono::milliseconds(3000);
    return options;
  }
  int port_ = 0;
  std::atomic<bool> stop_{false};
  Server server_;
  std::thread thread_;
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
