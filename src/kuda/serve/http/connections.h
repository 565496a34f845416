#pragma once
// Private to the server: which of its connections gets a thread, and how long each may take for what.
//
//   Connections connections(limits, answer, refuse);
//   connections.serve(std::move(listening), stop, [] { /* refuse what begins from now on */ });
//
// cpp-httplib 0.11 gives a connection a thread while it is open, reads heads without bound, takes the end of what a
// client sends for the end of the connection, and at a stop forgets what waits for a thread. Here one thread waits for
// all connections; a connection gets another thread when the head of a request has arrived whole, until it is answered.

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kuda/serve/http/connection.h"
#include "kuda/serve/http/refusals.h"

namespace kuda {

/// serve/server.h says what they usually are.
struct ConnectionLimits {
  using Milliseconds = std::chrono::milliseconds;
  std::size_t connections = 1;              ///< open; one that has been idle makes room, or new ones wait
  std::size_t threads = 1;                  ///< that answer
  std::size_t requests = 1000;              ///< of one connection
  std::size_t head_bytes = 0, headers = 0;  ///< of a request
  std::size_t body_bytes = 0;               ///< as they are sent
  Milliseconds head_time{}, body_time{};    ///< body_time: for a body to arrive, and for an answer to be taken
  Milliseconds idle_time{};                 ///< without a request
  Milliseconds grace{};                     ///< at a stop, for bodies to arrive
};

class Connections {
 public:
  /// Answers one request, whose head is there; false when the connection must carry no other. `is_last`: the answer is
  /// to say so. Called from many threads.
  using Answer = std::function<bool(httplib::Stream& stream, bool is_last)>;
  /// What is sent, as it is sent, instead of an answer to a head that is none, or that comes too slowly.
  using Refuse = std::function<std::string(const Refusal& refusal)>;

  Connections(const ConnectionLimits& limits, Answer answer, Refuse refuse);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
  ~Connections();

  /// Serves what connects to `listening` until `stop` is set, and calls `on_stop` then. New connections are answered
  /// for a moment more; after that the port is closed, and this returns when no connection is left: a silent one is
  /// closed, a head has a second to become whole, a body the grace; what came whole is answered. Throws Error when the
  /// port is lost.
  void serve(Socket listening, const std::atomic<bool>& stop, const std::function<void()>& on_stop);

 private:
  using Clock = Connection::Clock;
  enum class State {
    reading,    ///< idle, or a part of a head has come
    answering,  ///< in a thread; nothing else touches the connection
    sending,    ///< the client is slow to take the answer
    lingering,  ///< all is sent; what the client still sends is dropped, lest it lose the answer to a reset
    closed
  };
  struct Held {
    explicit Held(Socket socket) : connection(std::move(socket)) {}
    Connection connection;
    State state = State::reading;
    Clock::time_point since{};  ///< the state began, or the head
    std::size_t requests = 0;
    bool is_ending = false;  ///< after what is being sent
  };

  void wait();
  void take_answered();
  void accept_new();
  [[nodiscard]] bool can_accept() const;
  [[nodiscard]] Held* longest_idle() const;
  bool make_room();

  void enter(Held& held, State state);
  void step(Held& held);
  void read(Held& held);
  void proceed(Held& held);
  void dispatch(Held& held);
  void answer(Held& held, bool is_last);
  void refuse(Held& held, const Refusal& refusal);
  void settle(Held& held);
  void expire(Held& held);
  [[nodiscard]] Clock::time_point deadline(const Held& held) const;

  void stop_further();
  [[nodiscard]] bool is_over() const { return is_stopping_ && !listening_.is_open() && held_.empty(); }

  ConnectionLimits limits_;
  Answer answer_;
  Refuse refuse_;
  Socket listening_, wake_;
  std::vector<std::unique_ptr<Held>> held_;
  std::vector<pollfd> polled_;
  std::vector<Held*> watched_;  ///< of polled_, after its first two
  Clock::time_point now_{}, accept_after_{}, last_arrival_{}, last_accept_{};
  bool is_lost_ = false;      ///< the port
  bool is_stopping_ = false;  ///< since stop_begin_
  bool is_shut_ = false;      ///< since shut_begin_: new connections are not let in
  bool is_cut_ = false;       ///< the grace is over
  Clock::time_point stop_begin_{}, shut_begin_{};
  std::mutex mutex_;
  std::vector<Held*> answered_;                                                ///< handed back by threads
  std::unique_ptr<httplib::ThreadPool, void (*)(httplib::ThreadPool*)> pool_;  ///< last: its threads use the rest
};

}  // namespace kuda
