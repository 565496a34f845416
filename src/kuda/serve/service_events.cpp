// The routes of Service that answer with events, as they come.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/serve/answers.h"
#include "kuda/serve/http/multipart.h"
#include "kuda/serve/service.h"

namespace kuda {
namespace {

constexpr std::chrono::milliseconds kBetweenProgress{250};

/// Sends how much of a video is read, now and then.
std::function<void(double)> progress_events(const SendEvent& send) {
  return [&send, last = Visit::Clock::time_point()](double seconds) mutable {
    const auto now = Visit::Clock::now();
    if (now - last < kBetweenProgress) return;
    last = now;
    send("progress", progress_json(seconds));
  };
}

}  // namespace

VideoWatch Service::watch_of(const Visit& visit) const {
  return {.turn = options_.request_time, .gone = visit.request.gone, .progress = visit.progress};
}

/// The usual answer of a route, as the event "done".
Response Service::as_events(Visit& visit) {
  if (visit.route.handler == &Service::timeline) return timeline(visit);
  return event_stream([this, &visit](const SendEvent& send) {
    visit.progress = progress_events(send);
    const auto response = (this->*visit.route.handler)(visit);
    send(response.status == 200 ? "done" : "error", response.content);
  });
}

/// A stream that ends with the event "error" where something goes wrong, and leaves the server when it is over.
Response Service::counted(Visit& visit, Response streamed) {
  streamed.stream = [this, &visit, stream = std::move(streamed.stream)](const SendPiece& send) {
    const std::stop_callback drop(visit.request.gone, [&] { batcher_.drop_gone(); });
    int status = 499;
    const std::shared_ptr<void> leave(nullptr, [&](void*) {
      visit.announced = {};
      visit.leave();
      counters_.answered(visit.route.path, status, seconds_since(visit.begin));
    });
    try {
      stream(send);
      status = 200;
    } catch (...) {
      if (visit.request.gone.stop_requested()) throw;
      const auto refusal = answer_to_error(visit.route.path);
      send(event_text("error", refusal.content));
      status = refusal.status;
    }
  };
  return streamed;
}

Response Service::timeline(Visit& visit) {
  const auto type = visit.request.header("Content-Type");
  if (!is_form_type(type))
    throw DataError("expected a form with a video, found " + std::string(type), "curl -F video=@talk.mp4");
  videos_.require_source();
  const auto body = std::move(visit.request.body);
  const auto request = std::make_shared<TimelineRequest>(
      parse_timeline(read_form(type, body), visit.request.parameters, options_.clips));
  const auto upload = std::make_shared<VideoUploads::Upload>(request->video);
  request->video = {};
  return event_stream(
      [this, &visit, request, upload](const SendEvent& send) { send_timeline(*request, *upload, visit, send); });
}

void Service::send_timeline(const TimelineRequest& request, const VideoUploads::Upload& upload, Visit& visit,
                            const SendEvent& send) {
  const auto begin = Clock::now();
  visit.progress = progress_events(send);
  const auto watch = watch_of(visit);
  // What fits into one piece is extracted as for /v1/predict, and kept as there.
  const bool is_whole = videos_.offer().most_seconds <= kPieceSeconds || videos_.is_kept(upload);
  bool may_be_over = false;
  const auto extract = [&](double from, double to) -> VideoUploads::Clip {
    if (is_whole) return videos_.whole(upload, watch);
    auto clip = videos_.part(upload, from, to, may_be_over, watch);
    may_be_over = clip && !clip->facts.declared_seconds;  // then only the attempt tells
    return clip;
  };
  std::size_t parts = 0, scored = 0;
  for_each_part(request.options, is_whole ? std::numeric_limits<double>::infinity() : kPieceSeconds, extract,
                [&](const TimelinePart& part) {
                  if (is_draining_) throw Busy("the server is stopping");
                  const auto score = score_of(part, request.clip, visit);
                  send("window", part_json(part, score, predictor_.facts()));
                  ++parts;
                  scored += score ? 1 : 0;
                });
  send("done", timeline_end_json(parts, scored, seconds_since(begin)));
}

/// Nothing where the part has none of what the model reads, or all of it is left out.
std::optional<ClipScore> Service::score_of(const TimelinePart& part, ClipInput clip, const Visit& visit) {
  add_extracted(part.clip, predictor_, clip);
  if (std::none_of(kModalities.begin(), kModalities.end(), [&](Modality m) { return clip.has(m); }))
    return std::nullopt;
  const auto deadline = Clock::now() + options_.request_time;
  auto scores = batcher_.submit({std::move(clip)}, deadline, {}, visit.request.gone);
  if (scores.wait_until(deadline) != std::future_status::ready)
    throw TimedOut("the score of a part did not come in time", "send this again later");
  return scores.get().front();
}

}  // namespace kuda
