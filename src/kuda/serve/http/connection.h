#pragma once
// Private to serve/http: one connection, from its first byte to its end. It reads as it runs: a head, a body, the
// answer in a thread of the pool, the sending, and again. Where it waits it holds no thread.

#include <utility>  // first: awaitable.hpp of Boost 1.74 uses std::exchange without it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "kuda/serve/http/connections.h"
#include "kuda/serve/http/request_parser.h"

namespace kuda {

using HttpClock = std::chrono::steady_clock;

/// What all connections of a server share.
struct HttpState {
  ConnectionLimits limits;
  RequestHandler& handler;
  boost::asio::thread_pool pool;       ///< that answers
  HttpClock::time_point last_arrival;  ///< of a connection, or a head
  bool is_stopping = false;            ///< since stop_begin
  bool is_cut = false;                 ///< the grace is over
  HttpClock::time_point stop_begin;
};

/// Used by one thread alone, that of the io_context.
class Connection {
 public:
  Connection(boost::asio::ip::tcp::socket socket, HttpState& state);
  boost::asio::awaitable<void> serve();

  /// To be called again and again: ends what has taken too long.
  void check(HttpClock::time_point now);
  /// Since when nobody has asked anything; never where a request is under way.
  [[nodiscard]] HttpClock::time_point idle_since() const;
  /// Closes it, unless a request has come this moment. For a connection that is idle.
  void give_up();

 private:
  enum class Phase {
    idle,
    head,       ///< a part of it has come
    body,       ///< it comes
    answering,  ///< in the pool
    sending,    ///< the client may be slow to take the answer
    lingering,  ///< all is sent; what the client still sends is dropped, lest it lose the answer to a reset
    closed
  };
  enum class Received { bytes, end, late };
  struct InPool;

  boost::asio::awaitable<bool> serve_request();
  boost::asio::awaitable<HeadEnd> read_head(RequestParser& parser);
  boost::asio::awaitable<bool> read_body(RequestParser& parser);
  /// Makes the text of an answer, or sends it piece by piece and makes none.
  using Make = std::function<std::string(const SendPiece& send)>;
  boost::asio::awaitable<std::string> in_pool(Make make, std::stop_source gone, bool may_ask);
  void send_from_pool(InPool& answer, std::string_view piece, const std::stop_token& gone);
  boost::asio::awaitable<void> watch_client(InPool& answer, std::stop_source gone, bool may_ask);
  boost::asio::awaitable<void> send(std::string text);
  boost::asio::awaitable<Received> receive();
  void take_arrived(boost::system::error_code& error);
  boost::asio::awaitable<void> linger();
  void enter(Phase phase);
  [[nodiscard]] HttpClock::time_point deadline() const;

  boost::asio::ip::tcp::socket socket_;
  HttpState& state_;
  std::string received_;  ///< and not read yet
  Phase phase_ = Phase::idle;
  HttpClock::time_point since_;  ///< the phase began
  std::size_t requests_ = 0;
  bool is_late_ = false;    ///< the phase has taken too long
  bool has_ended_ = false;  ///< the client sends nothing more; it may still read
  bool is_broken_ = false;  ///< nothing reaches it any more
};

}  // namespace kuda
