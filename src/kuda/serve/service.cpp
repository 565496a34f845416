#include "kuda/serve/service.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <future>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/predictor/video_recipe.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/clip_form.h"
#include "kuda/serve/clip_query.h"
#include "kuda/serve/http/charset.h"
#include "kuda/serve/http/header_values.h"
#include "kuda/serve/page.h"
#include "kuda/serve/refusals.h"

namespace kuda {
namespace {

std::string digest_of(std::string_view text) { return sha256(std::as_bytes(std::span(text))); }

}  // namespace

void add_extracted(const ExtractedClip& extracted, const Predictor& predictor, ClipInput& clip) {
  const auto& facts = predictor.facts();
  auto made = predictor.input_of(extracted, clip.id, clip.text);
  clip.text = std::move(made.text);
  if (facts.inputs.vision.is_in_use) clip.vision = std::move(made.vision);
  if (facts.inputs.audio.is_in_use) clip.audio = std::move(made.audio);
  if (!facts.inputs.text.is_in_use) clip.text.reset();
}

void Visit::leave() {
  if (auto* const counted = in_flight.exchange(nullptr)) --*counted;
}

Service::Service(const Predictor& predictor, ServerOptions options)
    : predictor_(predictor),
      options_(std::move(options)),
      callers_(options_),
      openapi_(openapi_json(predictor.facts(), options_.clips)),
      token_digest_(options_.token.empty() ? std::string() : digest_of(options_.token)),
      videos_(options_.video, {options_.video_seconds, options_.video == nullptr ? options_.why_no_video : ""}),
      neighbours_(predictor),
      batcher_(
          [this](std::span<const ClipInput> clips) {
            counters_.scored(clips.size());
            return predictor_.score(clips);
          },
          options_.batching) {}

// From the head of a request to its answer.

std::variant<Response, RequestHandler::Answer> Service::begin(const Request& head) {
  auto marks = callers_.headers_for(head);
  auto begun = begin_marked(head);
  if (marks.empty()) return begun;
  const auto mark = [marks = std::move(marks)](Response& response) {
    response.headers.insert(response.headers.end(), marks.begin(), marks.end());
  };
  if (auto* const response = std::get_if<Response>(&begun)) {
    mark(*response);
    return begun;
  }
  return Answer([mark, answer = std::move(std::get<Answer>(begun))](Request request) {
    auto response = answer(std::move(request));
    mark(response);
    return response;
  });
}

std::variant<Response, RequestHandler::Answer> Service::begin_marked(const Request& head) {
  const auto methods = methods_of(head.path);
  const auto* const path = methods.empty() ? "other" : head.path.c_str();
  if (const auto refusal = callers_.refusal_of(head)) return refuse_head(head, path, *refusal);
  if (head.method == "OPTIONS" && !head.has_body() && (!methods.empty() || head.path == "*")) {
    counters_.answered(path, 204, 0);
    return options_answer(head, methods.empty() ? "GET, HEAD, POST, OPTIONS" : join(methods));
  }
  const auto* const route = route_of(head);
  if (route == nullptr) return refuse_head(head, path, no_route(head));
  auto visit = std::make_shared<Visit>(*route);
  if (const auto refusal = refusal_of(head, *visit)) return refuse_head(head, path, *refusal);
  // What is read takes no time, except a search in the clips.
  if (!route->has_body() && route->handler != &Service::clips) {
    visit->request = head;
    return answer(*visit);
  }
  return Answer([this, visit = std::move(visit)](Request request) {
    visit->request = std::move(request);
    return answer(*visit);
  });
}

/// A refused body is not read, and the connection ends without it.
Response Service::refuse_head(const Request& head, const char* path, const Refusal& refusal) {
  auto response = refused(refusal);
  response.ends_connection = head.has_body() || (head.method != "GET" && head.method != "HEAD");
  counters_.answered(path, refusal.status, 0);
  return response;
}

std::optional<Refusal> Service::refusal_of(const Request& head, Visit& visit) {
  if (auto refusal = head_refusal(head, visit.route, options_.body_bytes)) return refusal;
  if (!visit.route.is_open)
    if (auto refusal = token_refusal(head)) return refusal;
  if (!visit.route.has_body()) return std::nullopt;
  if (is_draining_) return Refusal{503, "the server is stopping", {}};
  visit.in_flight = &in_flight_;
  if (++in_flight_ > options_.requests)
    return Refusal{503, fmt::format("{} requests are being answered already", options_.requests),
                   "send this again in a second"};
  if (auto refusal = type_refusal(head)) return refusal;
  if (visit.route.handler == &Service::predict) visit.announced = batcher_.announce();
  return std::nullopt;
}

std::optional<Refusal> Service::token_refusal(const Request& head) const {
  if (token_digest_.empty()) return std::nullopt;
  constexpr std::string_view kBearer = "bearer ";  // a scheme has no case (RFC 9110, section 11.1)
  const auto header = head.header("Authorization");
  const bool is_bearer = lower_case(header.substr(0, kBearer.size())) == kBearer;
  const auto given = digest_of(is_bearer ? trimmed(header.substr(kBearer.size())) : std::string_view());
  // Digests have one length, so that neither the place of a difference nor a length shows in the time it takes.
  if (CRYPTO_memcmp(given.data(), token_digest_.data(), token_digest_.size()) == 0) return std::nullopt;
  return Refusal{401, "expected the server's token, found another or none", "send Authorization: Bearer TOKEN"};
}

Response Service::answer(Visit& visit) {
  Response response;
  const std::stop_callback drop(visit.request.gone, [&] {
    batcher_.drop_gone();
    visit.leave();  // the place is for the next one at once
  });
  try {
    if (visit.request.gone.stop_requested()) throw ClientGone("the client is gone");
    const auto refusal = body_refusal(visit.request.body_end, options_.body_bytes);
    response = refusal                                                 ? refused(*refusal)
               : visit.route.has_body() && wants_events(visit.request) ? as_events(visit)
                                                                       : (this->*visit.route.handler)(visit);
  } catch (...) {
    response = answer_to_error(visit.route.path);
  }
  if (response.stream) return counted(visit, std::move(response));
  visit.announced = {};
  visit.leave();
  counters_.answered(visit.route.path, response.status, seconds_since(visit.begin));
  return response;
}

Response Service::answer_to_error(const char* path) const {
  const auto answer = answer_to(std::current_exception());
  if (!answer.defect.empty()) log_warning("{}: {}", path, answer.defect);
  return refused({answer.status, answer.message, answer.hint});
}

Response Service::refuse(const Refusal& refusal) {
  counters_.answered("other", refusal.status, 0);
  return refused(refusal);
}

// Routes that are read.

Response Service::page(Visit& visit) {
  const auto file = page_file(visit.request.path, visit.request.header("Accept"));
  if (!file) return {.content = index_text(videos_.offer()), .type = "text/plain; charset=utf-8"};
  Response response{.content = std::string(file->content), .type = file->type};
  for (const auto& [name, value] : page_headers()) response.headers.emplace_back(name, value);
  return response;
}

Response Service::health(Visit&) {
  if (is_draining_) return refused({503, "the server is stopping", {}});
  return {.content = "{\"status\":\"ok\"}\n"};
}

Response Service::openapi(Visit&) { return {.content = openapi_}; }

Response Service::metrics(Visit&) {
  return {.content = counters_.prometheus({.queue_clips = batcher_.waiting(), .requests_in_flight = in_flight_}),
          .type = "text/plain; version=0.0.4; charset=utf-8"};
}

Response Service::model(Visit&) {
  return {.content = model_json(predictor_.facts(), options_.clips, options_.body_bytes, videos_.offer())};
}

Response Service::clips(Visit& visit) {
  if (!predictor_.facts().clips)
    return refused({404, "there is no data set to take clips from", "kuda serve CHECKPOINT --data DATA"});
  return {.content = clips_json(find_clips(predictor_.clips(), parse_clip_query(visit.request.parameters)))};
}

// Routes that use the model.

/// The clips of a body, which is given back to the system.
ClipRequest Service::clips_of(Visit& visit) {
  const auto type = visit.request.header("Content-Type");
  auto body = std::move(visit.request.body);
  const bool is_form = is_form_type(type);
  auto parts = is_form ? read_form(type, body) : std::vector<FormPart>();
  const auto video = take_video(parts);
  auto clips = is_form ? parse_form(std::move(parts), options_.clips)
                       : parse_clips(json_text(std::move(body), type), options_.clips);
  if (video) {
    visit.announced = {};  // it takes seconds: no batch should wait for it
    videos_.require_source();
    clips.extracted = videos_.whole(VideoUploads::Upload(*video), watch_of(visit));
    add_extracted(*clips.extracted, predictor_, clips.clips.front());
    require_something(clips.clips.front(), *clips.extracted, predictor_.facts(), "video");
  }
  for (std::size_t i = 0; i < clips.clips.size(); ++i)
    predictor_.check(clips.clips[i], clips.is_list ? fmt::format("clips[{}]", i) : "clip");
  return clips;
}

Response Service::predict(Visit& visit) {
  const auto begin = Clock::now();
  auto clips = clips_of(visit);
  const auto deadline = Clock::now() + options_.request_time;
  auto scores = batcher_.submit(std::move(clips.clips), deadline, std::move(visit.announced), visit.request.gone);
  if (scores.wait_until(deadline) != std::future_status::ready)
    throw TimedOut("the scores did not come in time", "send fewer clips at once");
  auto content = scores_json(scores.get(), clips.is_list, seconds_since(begin));
  return {.content = clips.extracted ? with_video(content, *clips.extracted, predictor_.facts()) : std::move(content)};
}

Response Service::explain(Visit& visit) {
  const auto begin = Clock::now();
  // Shared with the task: after a time-out it may still be at work.
  const auto shared = std::make_shared<std::pair<ClipRequest, std::vector<ClipExplanation>>>();
  shared->first = clips_of(visit);
  const auto deadline = Clock::now() + options_.request_time;
  auto done = batcher_.run(
      [this, shared] { shared->second = predictor_.explain(shared->first.clips, shared->first.with_attention); },
      deadline, visit.request.gone);
  if (done.wait_until(deadline) != std::future_status::ready)
    throw TimedOut("the explanation did not come in time", "send fewer clips at once");
  done.get();
  auto content = explanations_json(shared->second, shared->first.is_list, seconds_since(begin));
  const auto& extracted = shared->first.extracted;
  return {.content = extracted ? with_video(content, *extracted, predictor_.facts()) : std::move(content)};
}

Response Service::nearest(Visit& visit) {
  const auto begin = Clock::now();
  const auto request = clips_of(visit);
  const auto deadline = Clock::now() + options_.request_time;
  if (request.is_list) throw DataError("clips: expected one clip, found a list", "send a request for each");
  const auto& clip = request.clips.front();
  const auto found = neighbours_.nearest(clip, static_cast<std::size_t>(request.nearest), batcher_, deadline,
                                         std::chrono::seconds(5), visit.request.gone);
  return {.content = nearest_json(clip, found, predictor_.clips(), neighbours_.size(), seconds_since(begin))};
}

}  // namespace kuda
