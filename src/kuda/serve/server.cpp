#include "kuda/serve/server.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/counters.h"
#include "kuda/serve/http_io.h"
#include "kuda/serve/refusals.h"

namespace kuda {
namespace {

using Clock = std::chrono::steady_clock;

std::string digest_of(const std::string& text) { return sha256(std::as_bytes(std::span(text))); }

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

struct Server::Impl {
  const Predictor& predictor;
  ServerOptions options;
  std::string token_digest;  ///< empty: nobody is asked
  Counters counters;
  Batcher batcher;
  httplib::Server http;
  int listening = -1;                       ///< socket
  std::atomic<std::size_t> in_flight{0};    ///< requests with a body
  std::atomic<bool> is_draining{false};     ///< new requests are refused
  std::atomic<bool> is_closed{false};       ///< the port is given back
  std::atomic<Clock::rep> last_request{0};  ///< when the last one began

  Impl(const Predictor& model, ServerOptions chosen);
  httplib::Server::HandlerResponse before(const httplib::Request& request, httplib::Response& response);
  void get(const httplib::Request& request, httplib::Response& response);
  void post(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader);
  void answer_clips(const httplib::Request& request, httplib::Response& response, Body body);
  std::string explained(ClipRequest request, Clock::time_point begin, Clock::time_point deadline);
  [[nodiscard]] std::optional<Refusal> token_refusal(const httplib::Request& request) const;
  [[nodiscard]] bool is_quiet() const;
  void answer_error(httplib::Response& response, const char* path);
  void close_after(httplib::Response& response) const;
};

Server::Impl::Impl(const Predictor& model, ServerOptions chosen)
    : predictor(model),
      options(std::move(chosen)),
      token_digest(options.token.empty() ? std::string() : digest_of(options.token)),
      batcher(
          [this](std::span<const ClipInput> clips) {
            counters.scored(clips.size());
            return predictor.score(clips);
          },
          options.batching) {
  // A request holds a thread while it is answered; the rest is for refusals and for connections that wait.
  const auto threads = options.requests + 32;
  http.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
  http.set_keep_alive_max_count(1000);
  http.set_keep_alive_timeout(5);  // seconds; a stop waits for it
  http.set_read_timeout(5, 0);     // between two pieces of a request
  http.set_write_timeout(10, 0);
  http.set_tcp_nodelay(true);  // head and body of an answer are written apart
  http.set_socket_options([this](int socket) {
    // The default, SO_REUSEPORT, lets a second server take the same port without a word.
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    listening = socket;
  });
  http.set_pre_routing_handler([this](const auto& request, auto& response) { return before(request, response); });
  for (const auto& route : routes())
    if (std::string_view(route.method) == "POST")
      http.Post(route.path, [this](const httplib::Request& request, httplib::Response& response,
                                   const httplib::ContentReader& reader) { post(request, response, reader); });
  http.set_exception_handler([this](const httplib::Request& request, httplib::Response& response,
                                    const std::exception_ptr&) { answer_error(response, request.path.c_str()); });
  // What cpp-httplib refuses by itself: a request line or headers that it cannot read.
  http.set_error_handler(httplib::Server::Handler([this](const httplib::Request&, httplib::Response& response) {
    if (response.has_header("Content-Type")) return;
    set_answer(response, response.status, error_json("this is no request that the server can read"));
    counters.answered("other", response.status, 0);
  }));
}

std::optional<Refusal> Server::Impl::token_refusal(const httplib::Request& request) const {
  if (token_digest.empty()) return std::nullopt;
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = request.get_header_value("Authorization");
  const auto given = digest_of(header.starts_with(kBearer) ? header.substr(kBearer.size()) : std::string());
  // Digests have one length, so that neither the place of a difference nor a length shows in the time it takes.
  if (CRYPTO_memcmp(given.data(), token_digest.data(), token_digest.size()) == 0) return std::nullopt;
  return Refusal{401, "expected the server's token, found another or none", "send Authorization: Bearer TOKEN"};
}

httplib::Server::HandlerResponse Server::Impl::before(const httplib::Request& request, httplib::Response& response) {
  using Handled = httplib::Server::HandlerResponse;
  const auto begin = Clock::now();
  last_request = begin.time_since_epoch().count();
  const auto refusal = refusal_of(request);
  if (!refusal && request.method == "POST") return Handled::Unhandled;
  if (refusal) {
    refuse(response, *refusal);
    const bool is_without_body = request.method == "GET" || request.method == "HEAD";
    if (!is_without_body || has_body(request)) close_after(response);
    counters.answered(refusal->status == 404 ? "other" : request.path, refusal->status,
                      seconds_between(begin, Clock::now()));
    return Handled::Handled;
  }
  get(request, response);
  counters.answered(request.path, response.status, seconds_between(begin, Clock::now()));
  return Handled::Handled;
}

void Server::Impl::get(const httplib::Request& request, httplib::Response& response) {
  const auto route =
      std::find_if(routes().begin(), routes().end(), [&](const Route& known) { return request.path == known.path; });
  if (!route->is_open)
    if (const auto refusal = token_refusal(request)) return refuse(response, *refusal);
  if (request.path == "/") return set_answer(response, 200, std::string(index_text()), "text/plain; charset=utf-8");
  if (request.path == "/openapi.json") return set_answer(response, 200, std::string(openapi_document()));
  if (request.path == "/metrics")
    return set_answer(response, 200,
                      counters.prometheus({.queue_clips = batcher.waiting(), .requests_in_flight = in_flight}),
                      "text/plain; version=0.0.4; charset=utf-8");
  if (request.path == "/v1/model")
    return set_answer(response, 200, model_json(predictor.facts(), options.clips, options.body_bytes));
  if (is_draining) return refuse(response, {503, "the server is stopping", {}});
  set_answer(response, 200, "{\"status\":\"ok\"}\n");
}

void Server::Impl::post(const httplib::Request& request, httplib::Response& response,
                        const httplib::ContentReader& reader) {
  const auto begin = Clock::now();
  const auto count = in_flight.fetch_add(1) + 1;
  try {
    auto refusal = token_refusal(request);
    if (!refusal && is_draining) refusal = Refusal{503, "the server is stopping", {}};
    if (!refusal && count > options.requests)
      refusal = Refusal{503, fmt::format("{} requests are being answered already", options.requests),
                        "send this again in a second"};
    if (!refusal) refusal = type_refusal(request);
    // A refused body is read too, if it is not long: a client that still sends does not see an answer.
    constexpr std::size_t kMostRefused = std::size_t{1} << 20U;
    auto body = read_body(request, reader, refusal ? kMostRefused : options.body_bytes, begin + options.body_time);
    if (!refusal) refusal = body_refusal(body, options.body_bytes);
    const bool is_read = body.is_read;
    if (refusal)
      refuse(response, *refusal);
    else
      answer_clips(request, response, std::move(body));
    if (!is_read)
      close_after(response);
    else if (is_draining)
      response.set_header("Connection", "close");
  } catch (...) {
    answer_error(response, request.path.c_str());
    close_after(response);
  }
  --in_flight;
  last_request = Clock::now().time_since_epoch().count();
  counters.answered(request.path, response.status, seconds_between(begin, Clock::now()));
}

/// Once it is stopped cpp-httplib closes connections by itself, and sends nothing of what end_connection prepares.
void Server::Impl::close_after(httplib::Response& response) const {
  if (is_closed)
    response.set_header("Connection", "close");
  else
    end_connection(response);
}

void Server::Impl::answer_error(httplib::Response& response, const char* path) {
  const auto answer = answer_to(std::current_exception());
  if (!answer.defect.empty()) log_warning("{}: {}", path, answer.defect);
  refuse(response, {answer.status, answer.message, answer.hint});
}

void Server::Impl::answer_clips(const httplib::Request& request, httplib::Response& response, Body body) {
  const auto begin = Clock::now();
  const auto deadline = begin + options.request_time;
  try {
    auto clips = body.is_form ? parse_form(std::move(body.parts), options.clips)
                              : parse_clips(std::exchange(body.text, {}), options.clips);
    for (std::size_t i = 0; i < clips.clips.size(); ++i)
      predictor.check(clips.clips[i], clips.is_list ? fmt::format("clips[{}]", i) : "clip");
    if (request.path == "/v1/explain") return set_answer(response, 200, explained(std::move(clips), begin, deadline));
    const bool is_list = clips.is_list;
    auto answer = batcher.submit(std::move(clips.clips), deadline);
    if (answer.wait_until(deadline) != std::future_status::ready)
      throw TimedOut("the scores did not come in time", "send fewer clips at once");
    set_answer(response, 200, scores_json(answer.get(), is_list, seconds_between(begin, Clock::now())));
  } catch (...) {
    answer_error(response, request.path.c_str());
  }
}

std::string Server::Impl::explained(ClipRequest request, Clock::time_point begin, Clock::time_point deadline) {
  // Shared with the task: after a time-out it may still be at work.
  const auto shared = std::make_shared<std::pair<ClipRequest, std::vector<ClipExplanation>>>();
  shared->first = std::move(request);
  auto done = batcher.run(
      [this, shared] { shared->second = predictor.explain(shared->first.clips, shared->first.with_attention); },
      deadline);
  if (done.wait_until(deadline) != std::future_status::ready)
    throw TimedOut("the explanation did not come in time", "send fewer clips at once");
  done.get();
  return explanations_json(shared->second, shared->first.is_list, seconds_between(begin, Clock::now()));
}

bool Server::Impl::is_quiet() const {
  pollfd waiting{listening, POLLIN, 0};  // a connection that is not accepted yet
  const auto since = Clock::now().time_since_epoch() - Clock::duration(last_request.load());
  return in_flight == 0 && ::poll(&waiting, 1, 0) == 0 && since > std::chrono::milliseconds(100);
}

Server::Server(const Predictor& predictor, ServerOptions options)
    : impl_(std::make_unique<Impl>(predictor, std::move(options))) {}

Server::~Server() = default;

int Server::bind() {
  auto& http = impl_->http;
  const auto& [host, port] = std::pair(impl_->options.host, impl_->options.port);
  errno = 0;
  const int bound = port == 0 ? http.bind_to_any_port(host) : http.bind_to_port(host, port) ? port : -1;
  if (bound < 0) {
    const std::string reason = errno != 0 ? std::strerror(errno) : "no such address";
    throw Error(fmt::format("{}:{}: cannot be bound: {}", host, port, reason),
                "another program may have the port: --port takes another one");
  }
  ::listen(impl_->listening, SOMAXCONN);  // cpp-httplib lets five connections wait
  return bound;
}

void Server::run(const std::atomic<bool>& stop) {
  constexpr auto kPause = std::chrono::milliseconds(20);
  auto& http = impl_->http;
  std::atomic<bool> is_over{false};
  std::thread listener([&] {
    http.listen_after_bind();
    is_over = true;
  });
  while (!http.is_running() && !is_over) std::this_thread::sleep_for(kPause);
  while (!stop && !is_over) std::this_thread::sleep_for(kPause);
  const bool is_lost = is_over;
  impl_->is_draining = true;
  const auto end = Clock::now() + impl_->options.grace;
  // The port stays open until nobody has come for a moment: who is about to send gets an answer, not a reset.
  impl_->last_request = Clock::now().time_since_epoch().count();
  while (!is_lost && Clock::now() < end && !impl_->is_quiet()) std::this_thread::sleep_for(kPause);
  impl_->is_closed = true;
  http.stop();
  listener.join();
  impl_->batcher.stop();
  if (is_lost) throw Error("the server cannot accept connections any more");
}

}  // namespace kuda
