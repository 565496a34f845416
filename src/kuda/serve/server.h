#pragma once
// The HTTP server behind `kuda serve`. docs/serving.md describes it for users, serve/openapi.json for programs.
//
//   const Predictor predictor("runs/mosi/seed-1111", {.batch_size = 32});
//   Server server(predictor, {.port = 8080});
//   server.bind();
//   server.run(stop);                       // until *stop is set from a signal or another thread
//
// Contents of requests are never logged, and no state of the process is changed.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kuda/predictor/predictor.h"
#include "kuda/serve/batcher.h"
#include "kuda/serve/clip_json.h"

namespace kuda {

class ClipSource;

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 8080;      ///< 0: any that is free
  std::string token{};  ///< asked for as "Authorization: Bearer TOKEN" under /v1 and /metrics; empty: nobody is asked
  std::vector<std::string> host_names{};  ///< it answers for, beside `host` and those of this machine alone
  std::vector<std::string> origins{};     ///< "http://localhost:3000": other sites whose pages may ask
  BatcherOptions batching{};
  ClipLimits clips{};
  ClipSource* video =
      nullptr;  ///< makes clips of uploaded videos, one at a time; must outlive the server. None: refused
  std::string why_no_video = "it was started without an extractor";  ///< in words, where there is no source
  double video_seconds = 60;                                         ///< longest video
  std::size_t body_bytes = std::size_t{16} << 20U;                   ///< of one request, unpacked
  std::size_t requests = 64;    ///< with a body, at once; more are answered with 503
  std::size_t connections = 0;  ///< open; 0: eight times `requests`. Beyond it an idle one makes room
  std::size_t head_bytes = std::size_t{1} << 16U, headers = 100;  ///< of a request
  std::chrono::milliseconds head_time{10000};                     ///< for a head to arrive, from its first byte
  std::chrono::milliseconds body_time{30000};     ///< for a body to arrive, and for an answer to be taken
  std::chrono::milliseconds request_time{30000};  ///< from the body to the scores
  std::chrono::milliseconds idle_time{30000};     ///< for a connection without a request
  std::chrono::milliseconds grace{10000};         ///< for bodies to arrive when the server stops
};

/// True for names and addresses of this machine alone.
[[nodiscard]] bool is_loopback(const std::string& host);

class Server {
 public:
  /// The predictor must outlive the server. Throws UsageError for a host name or an origin that is none.
  Server(const Predictor& predictor, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Takes the port and returns it; connections wait from now on. Throws Error when it cannot be had.
  int bind();
  /// Serves until `stop` is set, then answers what has arrived (new requests with 503), closes the port and returns:
  /// serve/http/connections.h says when. Throws Error when the port is lost.
  void run(const std::atomic<bool>& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
