#include "kuda/serve/http/connections.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kTick{20};        // within which a stop and a deadline are seen
constexpr Milliseconds kLinger{5000};    // for a client to read an answer and to close
constexpr Milliseconds kFresh{1000};     // a younger connection is not closed to make room: its request is on its way
constexpr Milliseconds kPause{100};      // before the next try when the process has no descriptor left
constexpr Milliseconds kQuiet{100};      // at a stop: a connection that is silent for so long is idle
constexpr Milliseconds kHandshake{50};   // at a stop: for connections that were being made
constexpr Milliseconds kLastWord{1000};  // at a stop: for a head that has begun, and for clients to close
// The server's own deadline of a body comes first and tells the client what happened.
constexpr Milliseconds kAfterBody{1000};
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

void end_pool(httplib::ThreadPool* pool) {
  pool->shutdown();
  delete pool;
}

}  // namespace

Connections::Connections(const ConnectionLimits& limits, Answer answer, Refuse refuse)
    : limits_(limits), answer_(std::move(answer)), refuse_(std::move(refuse)), pool_(nullptr, end_pool) {
  limits_.connections = std::clamp<std::size_t>(limits_.connections, 1, descriptors_for_connections());
}

Connections::~Connections() = default;

void Connections::serve(Socket listening, const std::atomic<bool>& stop, const std::function<void()>& on_stop) {
  listening_ = std::move(listening);
  wake_ = Socket(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_.is_open() || ::fcntl(listening_.get(), F_SETFL, O_NONBLOCK) != 0)
    throw Error(std::string("the server cannot wait for connections: ") + std::strerror(errno));
  pool_.reset(new httplib::ThreadPool(limits_.threads));
  while (!is_over()) {
    now_ = Clock::now();
    if (!is_stopping_ && (stop || is_lost_)) {
      is_stopping_ = true;
      stop_begin_ = last_arrival_ = now_;
      on_stop();
    }
    if (is_stopping_) stop_further();
    wait();
  }
  pool_.reset();
  if (is_lost_) throw Error("the server cannot accept connections any more");
}

/// Waits for something to happen, at most a tick, and does what is to be done then.
void Connections::wait() {
  polled_.assign({{wake_.get(), POLLIN, 0}, {can_accept() ? listening_.get() : -1, POLLIN, 0}});  // -1 is passed over
  watched_.clear();
  for (const auto& held : held_) {
    if (held->state == State::answering) continue;
    const short events = held->state == State::sending ? POLLOUT : POLLIN;
    polled_.push_back({held->connection.descriptor(), events, 0});
    watched_.push_back(held.get());
  }
  if (::poll(polled_.data(), polled_.size(), static_cast<int>(kTick.count())) < 0)
    for (auto& waited : polled_) waited.revents = 0;
  now_ = Clock::now();
  if (polled_[0].revents != 0) take_answered();
  for (std::size_t i = 0; i < watched_.size(); ++i)
    if (polled_[i + 2].revents != 0) step(*watched_[i]);
  if (polled_[1].revents != 0) accept_new();
  for (const auto& held : held_)
    if (now_ >= deadline(*held)) expire(*held);
  std::erase_if(held_, [](const auto& held) { return held->state == State::closed; });
}

void Connections::take_answered() {
  eventfd_t count = 0;
  ::eventfd_read(wake_.get(), &count);
  std::vector<Held*> answered;
  {
    const std::lock_guard lock(mutex_);
    answered.swap(answered_);
  }
  for (auto* held : answered) settle(*held);
}

// New connections.

bool Connections::can_accept() const {
  if (!listening_.is_open() || now_ < accept_after_) return false;
  return held_.size() < limits_.connections || longest_idle() != nullptr;
}

void Connections::accept_new() {
  while (held_.size() < limits_.connections || make_room()) {
    Socket socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) accept_after_ = now_ + kPause;
      if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
        is_lost_ = true;
        listening_ = Socket();
      }
      return;  // anything else: nobody waits, or who waited is gone
    }
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    enter(*held_.emplace_back(std::make_unique<Held>(std::move(socket))), State::reading);
    last_arrival_ = last_accept_ = now_;
  }
}

Connections::Held* Connections::longest_idle() const {
  Held* found = nullptr;
  for (const auto& held : held_) {
    const bool is_idle =
        held->state == State::lingering || (held->state == State::reading && !held->connection.has_bytes());
    if (is_idle && now_ - held->since >= kFresh && (found == nullptr || held->since < found->since)) found = held.get();
  }
  return found;
}

/// Closes the connection that has been idle longest.
bool Connections::make_room() {
  auto* idle = longest_idle();
  if (idle == nullptr) return false;
  if (idle->state == State::reading) {
    read(*idle);  // a request may have come this moment
    if (idle->state == State::reading ? idle->connection.has_bytes() : idle->state != State::closed) return false;
  }
  std::erase_if(held_, [&](const auto& held) { return held.get() == idle; });
  return true;
}

// One connection.

void Connections::enter(Held& held, State state) {
  held.state = state;
  held.since = now_;
}

/// Something has happened to its socket.
void Connections::step(Held& held) {
  if (held.state == State::reading) return read(held);
  if (held.state == State::sending) return settle(held);
  if (held.state == State::lingering && !held.connection.drop()) enter(held, State::closed);
}

void Connections::read(Held& held) {
  const bool is_idle = !held.connection.has_bytes();
  held.connection.receive();
  if (is_idle && held.connection.has_bytes()) held.since = now_;  // a head begins
  proceed(held);
}

void Connections::proceed(Held& held) {
  switch (held.connection.head(limits_.head_bytes, limits_.headers)) {
    case RequestHead::partial:
      if (held.connection.is_ended()) enter(held, State::closed);
      return;
    case RequestHead::whole:
      return dispatch(held);
    case RequestHead::too_long:
      return refuse(held,
                    {431, "the head of the request is longer than " + std::to_string(limits_.head_bytes) + " bytes",
                     "send clips in the body"});
    case RequestHead::too_many:
      return refuse(held, {431, "the request has more than " + std::to_string(limits_.headers) + " headers", {}});
    case RequestHead::malformed:
      return refuse(held, {400, "this is no request that the server can read", {}});
  }
}

void Connections::dispatch(Held& held) {
  if (is_cut_) ::shutdown(held.connection.descriptor(), SHUT_RD);
  enter(held, State::answering);
  last_arrival_ = now_;
  const bool is_last = is_stopping_ || ++held.requests >= limits_.requests;
  pool_->enqueue([this, &held, is_last] { answer(held, is_last); });
}

/// In a thread of the pool.
void Connections::answer(Held& held, bool is_last) {
  auto& connection = held.connection;
  connection.begin_request(Clock::now() + limits_.body_time + kAfterBody, limits_.head_bytes + limits_.body_bytes);
  bool goes_on = false;
  try {
    goes_on = answer_(connection, is_last);
  } catch (...) {  // the handlers catch all of theirs: memory ran out while the answer was written
    const auto text = refuse_({500, "the server failed", {}});
    if (!connection.has_answer()) connection.write(text.data(), text.size());
  }
  held.is_ending = !goes_on;
  connection.end_request();
  connection.send();
  {
    const std::lock_guard lock(mutex_);
    answered_.push_back(&held);
  }
  ::eventfd_write(wake_.get(), 1);
}

void Connections::refuse(Held& held, const Refusal& refusal) {
  const auto text = refuse_(refusal);
  held.connection.write(text.data(), text.size());
  held.is_ending = true;
  settle(held);
}

/// What comes after an answer, or after a part of it.
void Connections::settle(Held& held) {
  auto& connection = held.connection;
  if (!connection.send()) {
    if (held.state != State::sending) enter(held, State::sending);
    return;
  }
  if (connection.is_broken()) return enter(held, State::closed);
  if (!held.is_ending) {
    enter(held, State::reading);
    return proceed(held);  // the next request may have come with this one
  }
  if (connection.is_ended()) return enter(held, State::closed);
  ::shutdown(connection.descriptor(), SHUT_WR);
  enter(held, State::lingering);
}

/// Its time is over.
void Connections::expire(Held& held) {
  if (held.state == State::reading && held.connection.has_bytes())
    return refuse(held, is_stopping_ ? Refusal{503, "the server is stopping", {}}
                                     : Refusal{408, "the head of the request did not arrive in time", {}});
  if (held.state == State::reading) {
    read(held);  // a request may have come this moment
    if (held.state != State::reading || held.connection.has_bytes()) return;
  }
  enter(held, State::closed);
}

Connections::Clock::time_point Connections::deadline(const Held& held) const {
  Milliseconds usual{}, at_stop{};
  switch (held.state) {
    case State::answering:
    case State::closed:
      return Clock::time_point::max();
    case State::reading:
      usual = held.connection.has_bytes() ? limits_.head_time : limits_.idle_time;
      at_stop = held.connection.has_bytes() ? kLastWord : kQuiet;
      break;
    case State::sending:
      usual = limits_.body_time;
      at_stop = std::max(limits_.grace, kLastWord);
      break;
    case State::lingering:
      usual = kLinger;
      at_stop = kLastWord;
      break;
  }
  const auto end = held.since + usual;
  return is_stopping_ ? std::min(end, std::max(held.since, stop_begin_) + at_stop) : end;
}

/// Closes the port step by step, so that who has connected gets an answer; ends waiting for bodies after the grace.
void Connections::stop_further() {
  const auto grace_end = stop_begin_ + limits_.grace;
  if (listening_.is_open() && !is_shut_) {
    const bool is_quiet = now_ - last_arrival_ >= kQuiet;
    if (is_quiet || now_ >= std::min(grace_end, stop_begin_ + kLastWord)) {
      let_nobody_in(listening_.get());
      is_shut_ = true;
      shut_begin_ = now_;
    }
  } else if (listening_.is_open()) {
    const bool is_quiet = now_ - std::max(shut_begin_, last_accept_) >= kHandshake;
    if (is_quiet || now_ - shut_begin_ >= kLastWord) {
      accept_new();
      listening_ = Socket();
    }
  }
  if (is_cut_ || now_ < grace_end) return;
  is_cut_ = true;
  for (const auto& held : held_)  // a thread that waits for a body sees its end; the answer can still be sent
    if (held->state == State::answering) ::shutdown(held->connection.descriptor(), SHUT_RD);
}

}  // namespace kuda
