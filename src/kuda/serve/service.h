#pragma once
// What the server answers on each of its routes (serve/routes.h). No sockets here: serve/http has them.

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "kuda/predictor/predictor.h"
#include "kuda/serve/batcher.h"
#include "kuda/serve/callers.h"
#include "kuda/serve/clip_json.h"
#include "kuda/serve/counters.h"
#include "kuda/serve/events.h"
#include "kuda/serve/http/connections.h"
#include "kuda/serve/neighbours.h"
#include "kuda/serve/routes.h"
#include "kuda/serve/server.h"
#include "kuda/serve/timeline.h"
#include "kuda/serve/video_uploads.h"

namespace kuda {

/// A request on its way through the server. While it lives it counts as one in flight, if it has a body.
struct Visit {
  using Clock = std::chrono::steady_clock;
  explicit Visit(const Route& taken) : route(taken) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { leave(); }
  void leave();  ///< from any thread

  const Route& route;
  Request request{};
  const Clock::time_point begin = Clock::now();
  Batcher::Announcement announced{};
  std::atomic<std::atomic<std::size_t>*> in_flight{nullptr};
  std::function<void(double seconds)> progress{};  ///< told how much of a video is read; empty: nobody asks
};

/// What the model reads of the video; a text that came with it stands instead of the one that was heard.
void add_extracted(const ExtractedClip& extracted, const Predictor& predictor, ClipInput& clip);

class Service final : public RequestHandler {
 public:
  /// The predictor must outlive it.
  Service(const Predictor& predictor, ServerOptions options);

  std::variant<Response, Answer> begin(const Request& head) override;
  [[nodiscard]] bool is_full() const override { return in_flight_ >= options_.requests && !is_draining_; }
  Response refuse(const Refusal& refusal) override;
  void stop_begins() override { is_draining_ = true; }
  /// Answers what the model was given, and takes nothing more.
  void finish() { batcher_.stop(); }

  Response page(Visit& visit);
  Response health(Visit& visit);
  Response openapi(Visit& visit);
  Response metrics(Visit& visit);
  Response model(Visit& visit);
  Response clips(Visit& visit);
  Response predict(Visit& visit);
  Response explain(Visit& visit);
  Response nearest(Visit& visit);
  Response timeline(Visit& visit);

 private:
  using Clock = Visit::Clock;
  [[nodiscard]] std::variant<Response, Answer> begin_marked(const Request& head);
  [[nodiscard]] Response refuse_head(const Request& head, const char* path, const Refusal& refusal);
  [[nodiscard]] std::optional<Refusal> refusal_of(const Request& head, Visit& visit);
  [[nodiscard]] std::optional<Refusal> token_refusal(const Request& head) const;
  [[nodiscard]] Response answer(Visit& visit);
  [[nodiscard]] Response answer_to_error(const char* path) const;
  // service_events.cpp
  [[nodiscard]] Response as_events(Visit& visit);
  [[nodiscard]] Response counted(Visit& visit, Response streamed);
  void send_timeline(const TimelineRequest& request, const VideoUploads::Upload& upload, Visit& visit,
                     const SendEvent& send);
  [[nodiscard]] std::optional<ClipScore> score_of(const TimelinePart& part, ClipInput clip, const Visit& visit);
  [[nodiscard]] VideoWatch watch_of(const Visit& visit) const;
  [[nodiscard]] ClipRequest clips_of(Visit& visit);

  const Predictor& predictor_;
  const ServerOptions options_;
  const Callers callers_;
  const std::string openapi_;
  const std::string token_digest_;  ///< empty: nobody is asked
  VideoUploads videos_;
  Counters counters_;
  Neighbours neighbours_;  ///< before the batcher, whose thread uses it
  Batcher batcher_;
  std::atomic<std::size_t> in_flight_{0};  ///< requests with a body
  std::atomic<bool> is_draining_{false};   ///< new requests are refused
};

}  // namespace kuda
