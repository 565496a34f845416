#include "kuda/serve/server.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/counters.h"
#include "kuda/serve/http/connections.h"
#include "kuda/serve/http/http_io.h"
#include "kuda/serve/http/refusals.h"
#include "kuda/serve/neighbours.h"
#include "kuda/serve/page.h"

namespace kuda {
namespace {

using Clock = std::chrono::steady_clock;

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
  Neighbours neighbours;  ///< before the batcher, whose thread uses it
  Batcher batcher;
  HttpServer http;
  Socket listening;
  std::atomic<std::size_t> in_flight{0};  ///< requests with a body
  std::atomic<bool> is_draining{false};   ///< new requests are refused

  Impl(const Predictor& model, ServerOptions chosen);
  httplib::Server::HandlerResponse before(const httplib::Request& request, httplib::Response& response);
  void get(const httplib::Request& request, httplib::Response& response);
  void post(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader);
  void answer_clips(const httplib::Request& request, httplib::Response& response, Body body,
                    Batcher::Announcement announced);
  void list_clips(const httplib::Request& request, httplib::Response& response);
  std::string explained(ClipRequest request, Clock::time_point begin, Clock::time_point deadline);
  std::string nearest(const ClipRequest& request, Clock::time_point begin, Clock::time_point deadline);
  [[nodiscard]] std::optional<Refusal> token_refusal(const httplib::Request& request) const;
  void answer_error(httplib::Response& response, const char* path);
  [[nodiscard]] ConnectionLimits limits() const;
};

Server::Impl::Impl(const Predictor& model, ServerOptions chosen)
    : predictor(model),
      options(std::move(chosen)),
      token_digest(options.token.empty() ? std::string() : sha256(options.token)),
      neighbours(model),
      batcher(
          [this](std::span<const ClipInput> clips) {
            counters.scored(clips.size());
            return predictor.score(clips);
          },
          options.batching) {
  http.set_keep_alive_max_count(limits().requests);  // both are told to clients
  http.set_keep_alive_timeout(std::chrono::ceil<std::chrono::seconds>(options.idle_time).count());
  http.set_socket_options([](int socket) {
    // The default, SO_REUSEPORT, lets a second server take the same port without a word.
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http.set_pre_routing_handler([this](const auto& request, auto& response) { return before(request, response); });
  for (const auto& route : routes())
    if (std::string_view(route.method) == "POST")
      http.Post(route.path, [this](const httplib::Request& request, httplib::Response& response,
                                   const httplib::ContentReader& reader) { post(request, response, reader); });
  http.set_exception_handler([this](const httplib::Request& request, httplib::Response& response,
                                    const std::exception_ptr&) { answer_error(response, request.path.c_str()); });
  // What cpp-httplib refuses by itself: a request line or headers that it cannot read. What follows is not read.
  http.set_error_handler(httplib::Server::Handler([this](const httplib::Request&, httplib::Response& response) {
    if (response.has_header("Content-Type")) return;
    set_answer(response, response.status, error_json("this is no request that the server can read"));
    end_connection(response);
    counters.answered("other", response.status, 0);
  }));
}

std::optional<Refusal> Server::Impl::token_refusal(const httplib::Request& request) const {
  if (token_digest.empty()) return std::nullopt;
  constexpr std::string_view kBearer = "Bearer ";
  const auto header = request.get_header_value("Authorization");
  const auto given = sha256(header.starts_with(kBearer) ? header.substr(kBearer.size()) : std::string());
  // Digests have one length, so that neither the place of a difference nor a length shows in the time it takes.
  if (CRYPTO_memcmp(given.data(), token_digest.data(), token_digest.size()) == 0) return std::nullopt;
  return Refusal{401, "expected the server's token, found another or none", "send Authorization: Bearer TOKEN"};
}

httplib::Server::HandlerResponse Server::Impl::before(const httplib::Request& request, httplib::Response& response) {
  using Handled = httplib::Server::HandlerResponse;
  const auto begin = Clock::now();
  const auto refusal = refusal_of(request);
  if (!refusal && request.method == "POST") return Handled::Unhandled;
  if (refusal) {
    refuse(response, *refusal);
    const bool is_without_body = request.method == "GET" || request.method == "HEAD";
    if (!is_without_body || has_body(request)) end_connection(response);
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
  if (const auto file = page_file(request.path, request.get_header_value("Accept"))) {
    for (const auto& [name, value] : page_headers()) response.set_header(name, value);
    return set_answer(response, 200, std::string(file->content), file->type);
  }
  if (request.path == "/") return set_answer(response, 200, std::string(index_text()), "text/plain; charset=utf-8");
  if (request.path == "/openapi.json") return set_answer(response, 200, std::string(openapi_document()));
  if (request.path == "/metrics")
    return set_answer(response, 200,
                      counters.prometheus({.queue_clips = batcher.waiting(), .requests_in_flight = in_flight}),
                      "text/plain; version=0.0.4; charset=utf-8");
  if (request.path == "/v1/model")
    return set_answer(response, 200, model_json(predictor.facts(), options.clips, options.body_bytes));
  if (request.path == "/v1/clips") return list_clips(request, response);
  if (is_draining) return refuse(response, {503, "the server is stopping", {}});
  set_answer(response, 200, "{\"status\":\"ok\"}\n");
}

void Server::Impl::post(const httplib::Request& request, httplib::Response& response,
                        const httplib::ContentReader& reader) {
  const auto begin = Clock::now();
  auto announced = batcher.announce();
  const auto count = in_flight.fetch_add(1) + 1;
  try {
    auto refusal = token_refusal(request);
    if (!refusal && is_draining) refusal = Refusal{503, "the server is stopping", {}};
    if (!refusal && count > options.requests)
      refusal = Refusal{503, fmt::format("{} requests are being answered already", options.requests),
                        "send this again in a second"};
    if (!refusal) refusal = type_refusal(request);
    if (!refusal) refusal = length_refusal(request, options.body_bytes);
    // A refused body is not read: whoever sends it slowly would hold a thread. The connection ends without it.
    auto body = refusal ? Body{} : read_body(request, reader, options.body_bytes, begin + options.body_time);
    if (!refusal) refusal = body_refusal(body, options.body_bytes);
    // cpp-httplib takes a chunk for the last one where anything but a chunk follows: nobody knows what comes then.
    const bool is_last = !body.is_read || is_draining || request.has_header("Transfer-Encoding");
    if (refusal)
      refuse(response, *refusal);
    else
      answer_clips(request, response, std::move(body), std::move(announced));
    if (is_last) end_connection(response);
  } catch (...) {
    answer_error(response, request.path.c_str());
    end_connection(response);
  }
  --in_flight;
  counters.answered(request.path, response.status, seconds_between(begin, Clock::now()));
}

void Server::Impl::answer_error(httplib::Response& response, const char* path) {
  const auto answer = answer_to(std::current_exception());
  if (!answer.defect.empty()) log_warning("{}: {}", path, answer.defect);
  refuse(response, {answer.status, answer.message, answer.hint});
}

void Server::Impl::answer_clips(const httplib::Request& request, httplib::Response& response, Body body,
                                Batcher::Announcement announced) {
  const auto begin = Clock::now();
  const auto deadline = begin + options.request_time;
  try {
    auto clips = body.is_form ? parse_form(std::move(body.parts), options.clips)
                              : parse_clips(std::exchange(body.text, {}), options.clips);
    for (std::size_t i = 0; i < clips.clips.size(); ++i)
      predictor.check(clips.clips[i], clips.is_list ? fmt::format("clips[{}]", i) : "clip");
    if (request.path != "/v1/predict") announced = {};  // no batch is to wait for it
    if (request.path == "/v1/explain") return set_answer(response, 200, explained(std::move(clips), begin, deadline));
    if (request.path == "/v1/nearest") return set_answer(response, 200, nearest(clips, begin, deadline));
    const bool is_list = clips.is_list;
    auto answer = batcher.submit(std::move(clips.clips), deadline, std::move(announced));
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

std::string Server::Impl::nearest(const ClipRequest& request, Clock::time_point begin, Clock::time_point deadline) {
  if (request.is_list) throw DataError("clips: expected one clip, found a list", "send a request for each");
  const auto& clip = request.clips.front();
  const auto found = neighbours.nearest(clip, static_cast<std::size_t>(request.nearest), batcher, deadline);
  return nearest_json(clip, found, predictor.clips(), neighbours.size(), seconds_between(begin, Clock::now()));
}

void Server::Impl::list_clips(const httplib::Request& request, httplib::Response& response) {
  if (!predictor.facts().clips)
    return refuse(response, {404, "there is no data set to take clips from", "kuda serve CHECKPOINT --data DATA"});
  try {
    set_answer(response, 200, clips_json(find_clips(predictor.clips(), parse_clip_query(request.params))));
  } catch (...) {
    answer_error(response, request.path.c_str());
  }
}

ConnectionLimits Server::Impl::limits() const {
  ConnectionLimits limits;
  limits.connections = options.connections > 0 ? options.connections : 8 * options.requests;
  limits.threads = options.requests + 32;  // a request holds one while it is answered; the rest is for refusals
  limits.head_bytes = options.head_bytes;
  limits.headers = options.headers;
  limits.body_bytes = 2 * options.body_bytes + (std::size_t{1} << 20U);  // what read_body takes, and lengths of chunks
  limits.head_time = options.head_time;
  limits.body_time = options.body_time;
  limits.idle_time = options.idle_time;
  limits.grace = options.grace;
  return limits;
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
  impl_->listening = Socket(http.socket());
  ::listen(impl_->listening.get(), SOMAXCONN);  // cpp-httplib lets five connections wait
  return bound;
}

void Server::run(const std::atomic<bool>& stop) {
  auto& impl = *impl_;
  Connections connections(
      impl.limits(), [&](httplib::Stream& stream, bool is_last) { return impl.http.answer(stream, is_last); },
      [&](const Refusal& refusal) {
        impl.counters.answered("other", refusal.status, 0);
        return refusal_text(refusal);
      });
  connections.serve(std::move(impl.listening), stop, [&] { impl.is_draining = true; });
  impl.batcher.stop();
}

}  // namespace kuda
