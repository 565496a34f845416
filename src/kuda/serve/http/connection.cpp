#include "kuda/serve/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <exception>
#include <mutex>
#include <utility>
#include <variant>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/serve/http/body_reader.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr int kAtOnce = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr std::size_t kPiece = 65536;  // bytes taken at once
constexpr Milliseconds kTryAgain{5};   // where there is no place
constexpr int kTries = 10;
constexpr int kLook = 100;             // milliseconds: how often a thread that sends looks whether the client is there
constexpr Milliseconds kLinger{5000};  // for a client to read an answer and to close
constexpr Milliseconds kQuiet{100};    // at a stop: a connection that is silent for so long is idle
constexpr Milliseconds kLastWord{1000};  // at a stop: for a head that has begun, and for clients to close

/// The client waits for a word before it sends the body. One of HTTP/1.0 knows no such word (RFC 9110, section 10.1.1).
bool expects_continue(const Request& request) {
  return !request.is_http_1_0 && lower_case(request.header("Expect")) == "100-continue";
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, HttpState& state)
    : socket_(std::move(socket)), state_(state), since_(HttpClock::now()) {}

// GCC 12 loses its place where co_await stands in the condition of a loop.

asio::awaitable<void> Connection::serve() {
  for (bool goes_on = true; goes_on;) goes_on = co_await serve_request();
  if (!is_broken_ && !has_ended_ && phase_ == Phase::sending) co_await linger();
  enter(Phase::closed);
}

/// True when the connection may carry another request.
asio::awaitable<bool> Connection::serve_request() {
  RequestParser parser({state_.limits.head_bytes, state_.limits.headers});
  const auto head = co_await read_head(parser);
  if (head == HeadEnd::partial && (phase_ == Phase::idle || !is_late_)) co_return false;  // the client has ended
  if (head != HeadEnd::whole) {
    const auto refusal = head == HeadEnd::refused ? parser.refusal()
                         : state_.is_stopping     ? Refusal{503, "the server is stopping", {}}
                                                  : Refusal{408, "the head of the request did not arrive in time", {}};
    co_await send(sent_text(state_.handler.refuse(refusal), false, 0, 0));
    co_return false;
  }
  state_.last_arrival = HttpClock::now();
  ++requests_;
  auto& request = parser.request();
  const bool is_head = request.method == "HEAD", is_chunked = request.count("Transfer-Encoding") > 0;
  for (int i = 0; i < kTries && request.has_body() && state_.handler.is_full(); ++i) {
    asio::steady_timer moment(socket_.get_executor(), kTryAgain);
    co_await moment.async_wait(asio::use_awaitable);
  }
  auto begun = state_.handler.begin(request);
  const auto* at_once = std::get_if<Response>(&begun);
  bool is_read = !request.has_body();
  if (at_once == nullptr) is_read = co_await read_body(parser);
  // After chunks it ends: a proxy may see the end of such a body elsewhere.
  const bool ends = !is_read || is_chunked || state_.is_stopping || requests_ >= state_.limits.requests ||
                    !parser.keeps_connection() || (at_once != nullptr && at_once->ends_connection);
  const auto idle = std::chrono::ceil<std::chrono::seconds>(state_.limits.idle_time).count();
  const auto as_sent = [&](const Response& response) {
    return sent_text(response, is_head, ends ? 0 : state_.limits.requests - requests_, idle);
  };
  bool is_streamed = false;
  if (at_once != nullptr) {
    co_await send(as_sent(*at_once));
  } else {
    auto& answer = std::get<RequestHandler::Answer>(begun);
    enter(Phase::answering);
    const std::stop_source gone;
    request.gone = gone.get_token();
    const bool is_http_1_0 = request.is_http_1_0;
    const Make make = [&](const SendPiece& send_piece) {
      const auto response = answer(std::move(request));
      if (!response.stream) return as_sent(response);
      is_streamed = true;
      send_stream(response, is_http_1_0, send_piece);
      return std::string();
    };
    auto rest = co_await in_pool(make, gone, !is_http_1_0);
    co_await send(std::move(rest));
  }
  co_return !ends && !is_streamed && !is_broken_;
}

/// What the thread that makes an answer and the one that watches the client know of each other.
struct Connection::InPool {
  std::mutex sending;
  bool is_sent = false;      ///< or being sent: nothing may come between
  bool is_finished = false;  ///< the watching thread's own
};

/// Makes an answer in a thread of the pool, which sends what the client takes at once: its next request does not wait
/// for this thread. Returns the rest, nothing where the client is gone.
asio::awaitable<std::string> Connection::in_pool(Make make, std::stop_source gone, bool may_ask) {
  InPool answer;
  std::string text;
  std::exception_ptr failure;
  asio::post(state_.pool, [&] {
    try {
      text = make([&](std::string_view piece) { send_from_pool(answer, piece, gone.get_token()); });
      const std::lock_guard lock(answer.sending);
      answer.is_sent = true;
      // Not by Asio's socket: its own thread waits at it.
      const auto sent = ::send(socket_.native_handle(), text.data(), text.size(), kAtOnce);
      text.erase(0, std::size_t(std::max<ssize_t>(sent, 0)));
    } catch (...) {
      failure = std::current_exception();
    }
    asio::post(socket_.get_executor(), [&] {
      answer.is_finished = true;
      error_code ignored;
      socket_.cancel(ignored);
    });
  });
  co_await watch_client(answer, gone, may_ask);
  if (failure) std::rethrow_exception(failure);
  if (is_broken_) text.clear();
  co_return text;
}

/// In a thread of the pool: not by Asio's socket, at which its own thread waits.
void Connection::send_from_pool(InPool& answer, std::string_view piece, const std::stop_token& gone) {
  {
    const std::lock_guard lock(answer.sending);
    answer.is_sent = true;
  }
  const auto end = HttpClock::now() + state_.limits.body_time;
  while (!piece.empty()) {
    if (gone.stop_requested()) throw Error("the client is gone");
    const auto sent = ::send(socket_.native_handle(), piece.data(), piece.size(), kAtOnce);
    if (sent >= 0) {
      piece.remove_prefix(std::size_t(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) throw Error("the client is gone");
    if (HttpClock::now() > end) throw Error("the client does not take its answer");
    pollfd state{socket_.native_handle(), POLLOUT, 0};
    ::poll(&state, 1, kLook);
  }
}

/// Until the answer is there. A client that goes before it stops `gone`. One that has only ended its sending side looks
/// the same, and wants its answer; a word to it tells them apart, since from a socket that is closed it brings a reset.
/// The word is "100 Continue", which clients skip (RFC 9110, section 15.2). Those of HTTP/1.0 would not: they are taken
/// to be there.
asio::awaitable<void> Connection::watch_client(InPool& answer, std::stop_source gone, bool may_ask) {
  auto event = tcp::socket::wait_read;
  while (!answer.is_finished) {
    error_code error;
    co_await socket_.async_wait(event, asio::redirect_error(asio::use_awaitable, error));
    if (answer.is_finished || error) continue;  // cancelled
    pollfd state{socket_.native_handle(), 0, 0};
    if (event == tcp::socket::wait_error || ::poll(&state, 1, 0) > 0) {  // a reset
      is_broken_ = true;
      gone.request_stop();
    } else {
      char next = 0;
      const std::lock_guard lock(answer.sending);
      if (may_ask && !answer.is_sent && ::recv(state.fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        ::send(state.fd, kContinue.data(), kContinue.size(), kAtOnce);
    }
    event = tcp::socket::wait_error;  // an end, or the next request, stays readable
  }
}

/// `partial` where the client ended, or was late.
asio::awaitable<HeadEnd> Connection::read_head(RequestParser& parser) {
  enter(Phase::idle);
  for (;;) {
    const auto end = parser.read_head(received_);
    if (end != HeadEnd::partial) co_return end;
    if (phase_ == Phase::idle && (parser.has_begun() || !received_.empty())) enter(Phase::head);
    if (received_.empty()) std::string().swap(received_);  // who is silent holds no memory
    const auto received = co_await receive();
    if (received != Received::bytes) co_return end;
  }
}

/// True when it was read to its end: the connection can carry another request.
asio::awaitable<bool> Connection::read_body(RequestParser& parser) {
  auto& request = parser.request();
  enter(Phase::body);
  BodyReader reader(state_.limits.body_bytes, content_coding_of(request));
  auto step = parser.read_body(received_, reader);
  if (step == BodyStep::partial && received_.empty() && expects_continue(request)) {
    co_await send(std::string(kContinue));
    enter(Phase::body);
  }
  auto end = BodyEnd::complete;
  // Chunks have heads and may be small: what is received is bounded too.
  const auto most_received = 2 * state_.limits.body_bytes + (std::size_t{1} << 20U);
  for (std::size_t bytes = 0; step == BodyStep::partial && end == BodyEnd::complete;) {
    const auto before = received_.size();
    const auto received = co_await receive();
    bytes += received_.size() - std::min(before, received_.size());
    if (received == Received::late && !state_.is_cut)
      end = BodyEnd::too_slow;
    else if (received != Received::bytes || bytes > most_received)
      end = BodyEnd::broken;
    else
      step = parser.read_body(received_, reader);
  }
  if (step == BodyStep::stopped) end = BodyEnd::broken;
  reader.finish(end);
  request.body_end = reader.end();
  request.body = std::move(reader.text());
  co_return step == BodyStep::whole;
}

asio::awaitable<void> Connection::send(std::string text) {
  enter(Phase::sending);
  if (text.empty()) co_return;
  error_code error;
  co_await asio::async_write(socket_, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
  if (error) is_broken_ = true;
}

/// Waits until something has come, the client ends, or the phase has taken too long.
asio::awaitable<Connection::Received> Connection::receive() {
  for (;;) {
    error_code error;
    if (is_late_ && phase_ != Phase::idle) co_return Received::late;
    // Also where something is there already: nobody who sends without end keeps the thread for itself.
    if (!is_late_)
      co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, error));
    const auto before = received_.size();
    take_arrived(error);
    if (received_.size() > before) co_return Received::bytes;
    if (error != asio::error::would_block) {
      has_ended_ = true;
      is_broken_ = error != asio::error::eof;
      co_return Received::end;
    }
    if (is_late_) co_return Received::late;
  }
}

/// At once: the socket does not block.
void Connection::take_arrived(error_code& error) {
  std::array<char, kPiece> piece;
  received_.append(piece.data(), socket_.read_some(asio::buffer(piece), error));
}

asio::awaitable<void> Connection::linger() {
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  enter(Phase::lingering);
  for (auto received = Received::bytes; received == Received::bytes; received = co_await receive()) received_.clear();
}

// Time.

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = HttpClock::now();
  is_late_ = false;
}

HttpClock::time_point Connection::deadline() const {
  const auto& limits = state_.limits;
  Milliseconds usual{}, at_stop{};
  switch (phase_) {
    case Phase::answering:
    case Phase::closed:
      return HttpClock::time_point::max();
    case Phase::idle:
      usual = limits.idle_time;
      at_stop = kQuiet;
      break;
    case Phase::head:
      usual = limits.head_time;
      at_stop = kLastWord;
      break;
    case Phase::body:
      usual = limits.body_time;
      at_stop = limits.grace;
      break;
    case Phase::sending:
      usual = limits.body_time;
      at_stop = std::max(limits.grace, kLastWord);
      break;
    case Phase::lingering:
      usual = kLinger;
      at_stop = kLastWord;
      break;
  }
  const auto end = since_ + usual;
  return state_.is_stopping ? std::min(end, std::max(since_, state_.stop_begin) + at_stop) : end;
}

void Connection::check(HttpClock::time_point now) {
  if (now < deadline()) return;
  is_late_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

HttpClock::time_point Connection::idle_since() const {
  return phase_ == Phase::idle || phase_ == Phase::lingering ? since_ : HttpClock::time_point::max();
}

void Connection::give_up() {
  is_late_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace kuda
