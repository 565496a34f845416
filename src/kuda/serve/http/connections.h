#pragma once
// The connections of a server: who may connect, how long each may take for what, and how they end at a stop. Sockets
// and their waiting are Boost.Asio's: one thread waits for all connections, and a request gets a thread of a pool when
// all of it has come, until it is answered.
//
//   Connections connections(limits, handler);
//   const int port = connections.listen("127.0.0.1", 0);
//   connections.serve(stop);

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "kuda/serve/http/message.h"

namespace kuda {

/// serve/server.h says what they usually are.
struct ConnectionLimits {
  using Milliseconds = std::chrono::milliseconds;
  std::size_t connections = 1;              ///< open; one that has been idle makes room, or new ones wait
  std::size_t threads = 1;                  ///< that answer
  std::size_t requests = 1000;              ///< of one connection
  std::size_t head_bytes = 0, headers = 0;  ///< of a request
  std::size_t body_bytes = 0;               ///< unpacked
  Milliseconds head_time{}, body_time{};    ///< body_time: for a body to arrive, and for an answer to be taken
  Milliseconds idle_time{};                 ///< without a request
  Milliseconds grace{};                     ///< at a stop, for bodies to arrive
};

/// What makes answers of requests.
class RequestHandler {
 public:
  /// Called once with the whole request, also where its body did not come whole. It may wait; it goes when the
  /// connection ends without it.
  using Answer = std::function<Response(Request)>;
  /// The head of a request is there: an answer to it at once, its body is not read; or what answers when the body has
  /// come. Must not wait.
  [[nodiscard]] virtual std::variant<Response, Answer> begin(const Request& head) = 0;
  /// A request with a body would find no place now. It is asked again for a moment: clients may be gone.
  [[nodiscard]] virtual bool is_full() const = 0;
  /// The answer to a head that is none, or that comes too slowly. It ends the connection. Must not wait.
  [[nodiscard]] virtual Response refuse(const Refusal& refusal) = 0;
  /// New requests are to be refused from now on.
  virtual void stop_begins() = 0;

 protected:
  ~RequestHandler() = default;
};

class Connections {
 public:
  /// The handler must outlive this.
  Connections(const ConnectionLimits& limits, RequestHandler& handler);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
  ~Connections();

  /// Takes a port, 0 for any that is free, and returns it; who connects waits from now on. Throws Error when it cannot
  /// be had.
  int listen(const std::string& host, int port);
  /// Serves until `stop` is set, once. New connections are answered for a moment more; after that the port is closed,
  /// and this returns when no connection is left: a silent one is closed, a head has a second to become whole, a body
  /// the grace; what came whole is answered. Throws Error when the port is lost.
  void serve(const std::atomic<bool>& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
