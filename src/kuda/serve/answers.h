#pragma once
// What a server answers, as JSON. serve/openapi.json describes every field; a test compares the two. No LibTorch.

#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kuda/predictor/predictor.h"
#include "kuda/serve/clip_json.h"
#include "kuda/serve/clip_query.h"
#include "kuda/serve/neighbours.h"
#include "kuda/serve/timeline.h"
#include "kuda/serve/video_uploads.h"

namespace kuda {

/// One clip as an object, a list as {"clips": [...]}; both with "seconds".
[[nodiscard]] std::string scores_json(const std::vector<ClipScore>& scores, bool is_list, double seconds);
[[nodiscard]] std::string explanations_json(const std::vector<ClipExplanation>& explanations, bool is_list,
                                            double seconds);
/// The answer about one clip with "video" added: transcript, words with their times, where the face is, which modality
/// that the model reads is missing and why, and what was counted.
[[nodiscard]] std::string with_video(const std::string& answer, const ClipReport& clip, const PredictorFacts& facts);
/// One part of a video on the time line; without a score where the part has nothing that the model reads.
[[nodiscard]] std::string part_json(const TimelinePart& part, const std::optional<ClipScore>& score,
                                    const PredictorFacts& facts);
/// {"seconds": how much of a video is read}
[[nodiscard]] std::string progress_json(double seconds);
/// The last event of a time line.
[[nodiscard]] std::string timeline_end_json(std::size_t parts, std::size_t scored, double seconds);
/// {"total": ..., "clips": [...]}, and an object per clip.
[[nodiscard]] std::string clips_json(const FoundClips& found);
/// {"id": of the clip, "nearest": [{..., "distance": ...}], "clips": training clips compared with, "seconds": ...}
[[nodiscard]] std::string nearest_json(const ClipInput& clip, const std::vector<Neighbour>& nearest,
                                       const std::vector<DataClip>& clips, std::size_t compared, double seconds);
/// What the model is, what it reads, and what one request may hold.
[[nodiscard]] std::string model_json(const PredictorFacts& facts, const ClipLimits& limits, std::size_t body_bytes,
                                     const VideoOffer& videos);

/// serve/openapi.json with what this model and these limits take: widths of frames, token ids, sizes.
[[nodiscard]] std::string openapi_json(const PredictorFacts& facts, const ClipLimits& limits);

/// {"error": {"message": ..., "hint": ...}}: the text that the program prints for the same mistake; an empty hint where
/// there is none.
[[nodiscard]] std::string error_json(const std::string& message, const std::string& hint = {});

struct ErrorAnswer {
  int status = 500;
  std::string message, hint;
  std::string defect{};  ///< what no request should cause, for the log; empty otherwise
};

/// 404 for a clip that is not there; 400 for data, shapes and options; 503 for Busy and TimedOut; 499, which nobody
/// reads, for ClientGone; 500 for everything else.
[[nodiscard]] ErrorAnswer answer_to(const std::exception_ptr& error);

}  // namespace kuda
