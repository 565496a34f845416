#include "kuda/serve/http/connections.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/serve/http/connection.h"

namespace kuda {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kTick{20};              // within which a stop and a deadline are seen
constexpr Milliseconds kFresh{1000};           // a younger connection does not make room: its request is on its way
constexpr Milliseconds kLastArrival{100};      // at a stop: nobody has come for so long
constexpr Milliseconds kHandshake{50};         // at a stop: for connections that were being made
constexpr Milliseconds kLongestOpen{1000};     // at a stop: for each of these two
constexpr std::size_t kOtherDescriptors = 64;  // files of the model and of the process

/// New connections are no longer let in, those that wait still are: closing the port at once would reset connections on
/// which a request may have been sent. A packet that asks for a connection (SYN, bit 1 of byte 13 of the TCP header) is
/// dropped; by the time the client repeats it, after a second, the port is closed. Where the system has no such filter,
/// a request on a connection that was made within the last microseconds may go without an answer.
void let_nobody_in(int listening) {
  sock_filter code[] = {
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, 13},
      {BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x02},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xffffffffU},
  };
  const sock_fprog filter{4, code};
  ::setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

std::size_t descriptors_for_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::size_t(-1);
  return std::max<std::size_t>(limit.rlim_cur, 2 * kOtherDescriptors) - kOtherDescriptors;
}

/// Programs that this one starts do not hold it open.
void close_in_children(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

}  // namespace

struct Connections::Impl {
  HttpState state;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer tick{io}, room{io};
  std::list<Connection> held;
  HttpClock::time_point last_accept, shut_begin;
  bool is_shut = false;  ///< since shut_begin: new connections are not let in
  bool is_lost = false;  ///< the port

  Impl(const ConnectionLimits& limits, RequestHandler& handler)
      : state{.limits = limits,
              .handler = handler,
              .pool = asio::thread_pool(limits.threads),
              .last_arrival = {},
              .stop_begin = {}} {
    state.limits.connections = std::clamp<std::size_t>(limits.connections, 1, descriptors_for_connections());
  }
  [[nodiscard]] bool has_room() const { return held.size() < state.limits.connections; }

  asio::awaitable<void> watch(const std::atomic<bool>& stop);
  asio::awaitable<void> let_in();
  asio::awaitable<void> hold(std::list<Connection>::iterator connection);
  error_code accept_all();
  void make_room();
  void stop_further();
};

/// The clock of all connections: sees the stop, and what has taken too long.
asio::awaitable<void> Connections::Impl::watch(const std::atomic<bool>& stop) {
  while (!state.is_stopping || acceptor.is_open() || !held.empty()) {
    const auto now = HttpClock::now();
    if (!state.is_stopping && (stop || is_lost)) {
      state.is_stopping = true;
      state.stop_begin = state.last_arrival = now;
      state.handler.stop_begins();
    }
    if (state.is_stopping) stop_further();
    for (auto& connection : held) connection.check(now);
    tick.expires_at(now + kTick);
    co_await tick.async_wait(asio::use_awaitable);
  }
}

// New connections.

asio::awaitable<void> Connections::Impl::let_in() {
  error_code error;
  while (acceptor.is_open()) {
    co_await acceptor.async_wait(tcp::acceptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor.is_open()) co_return;
    if (has_room()) {
      const auto code = accept_all();
      if (!code || code == asio::error::would_block) continue;  // nobody waits any more, or there is no room
      if (code == asio::error::bad_descriptor || code == asio::error::invalid_argument ||
          code == asio::error::not_socket) {
        is_lost = true;
        acceptor.close(error);
      }
    } else {
      make_room();
    }
    room.expires_after(kTick);  // or until a connection ends; the process may have no descriptor left
    co_await room.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

/// Everybody who waits, as long as there is room. What ended it.
error_code Connections::Impl::accept_all() {
  error_code error;
  while (has_room()) {
    tcp::socket socket(io);
    acceptor.accept(socket, error);  // at once: it does not block
    if (error) return error;
    close_in_children(socket.native_handle());
    socket.non_blocking(true, error);
    socket.set_option(tcp::no_delay(true), error);
    held.emplace_back(std::move(socket), state);
    asio::co_spawn(io, hold(std::prev(held.end())), asio::detached);
    state.last_arrival = last_accept = HttpClock::now();
  }
  return error;
}

asio::awaitable<void> Connections::Impl::hold(std::list<Connection>::iterator connection) {
  try {
    co_await connection->serve();
  } catch (...) {  // memory ran out: this connection alone ends
  }
  held.erase(connection);
  room.cancel();
}

/// Closes the connection that has been idle longest.
void Connections::Impl::make_room() {
  const auto idle = std::min_element(held.begin(), held.end(), [](const Connection& a, const Connection& b) {
    return a.idle_since() < b.idle_since();
  });
  if (idle != held.end() && idle->idle_since() <= HttpClock::now() - kFresh) idle->give_up();
}

/// Closes the port step by step, so that who has connected gets an answer.
void Connections::Impl::stop_further() {
  const auto now = HttpClock::now();
  const auto grace_end = state.stop_begin + state.limits.grace;
  state.is_cut = now >= grace_end;
  if (!acceptor.is_open()) return;
  if (!is_shut) {
    const bool is_quiet = now - state.last_arrival >= kLastArrival;
    if (!is_quiet && now < std::min(grace_end, state.stop_begin + kLongestOpen)) return;
    let_nobody_in(acceptor.native_handle());
    is_shut = true;
    shut_begin = now;
  } else if (now - std::max(shut_begin, last_accept) >= kHandshake || now - shut_begin >= kLongestOpen) {
    accept_all();
    error_code ignored;
    acceptor.close(ignored);
  }
}

Connections::Connections(const ConnectionLimits& limits, RequestHandler& handler)
    : impl_(std::make_unique<Impl>(limits, handler)) {}

Connections::~Connections() = default;

int Connections::listen(const std::string& host, int port) {
  auto& acceptor = impl_->acceptor;
  error_code error;
  const auto found = tcp::resolver(impl_->io).resolve(host, std::to_string(port), error);
  for (const auto& entry : found) {
    acceptor = tcp::acceptor(impl_->io);
    acceptor.open(entry.endpoint().protocol(), error);
    if (error) continue;
    close_in_children(acceptor.native_handle());
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (entry.endpoint().protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(false), error);
    acceptor.bind(entry.endpoint(), error);
    if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
    if (error) continue;
    acceptor.non_blocking(true);
    return acceptor.local_endpoint().port();
  }
  throw Error(fmt::format("{}:{}: cannot be bound: {}", host, port, error.message()),
              "another program may have the port: --port takes another one");
}

void Connections::serve(const std::atomic<bool>& stop) {
  asio::co_spawn(impl_->io, impl_->watch(stop), asio::detached);
  asio::co_spawn(impl_->io, impl_->let_in(), asio::detached);
  impl_->io.run();
  impl_->state.pool.join();
  if (impl_->is_lost) throw Error("the server cannot accept connections any more");
}

}  // namespace kuda
