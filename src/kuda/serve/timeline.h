#pragma once
// A long video as a row of scores over time: in windows that slide, or in utterances. It is extracted in pieces, each
// of which begins where the first part that did not fit into the last one begins, so that memory does not grow with the
// length and every part lies whole in one piece. No LibTorch.
//
//   const auto request = parse_timeline(std::move(form), query, limits);
//   for_each_part(request.options, kPieceSeconds, extract, [&](const TimelinePart& part) { send(score(part.clip)); });

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/speech/subtitles.h"
#include "kuda/serve/clip_json.h"
#include "kuda/serve/http/multipart.h"

namespace kuda {

inline constexpr double kPieceSeconds = 60;
inline constexpr double kLongestWindow = 30, kShortestWindow = 0.5, kShortestStep = 0.1;

enum class TimelineBy { windows, utterances, subtitles };

struct TimelineOptions {
  TimelineBy by = TimelineBy::windows;
  double window = 4, step = 2;        ///< seconds, of windows
  std::vector<Subtitle> subtitles{};  ///< in order
};

struct TimelineRequest {
  std::string video;  ///< bytes
  TimelineOptions options;
  ClipInput clip{};  ///< with the id and what is left out
};

/// Fields of the form: video (file), subtitles (file .srt or .vtt), by (windows, utterances), window, step, id,
/// without; by, window and step may stand in the query instead. Throws DataError and FormatError naming the field.
[[nodiscard]] TimelineRequest parse_timeline(std::vector<FormPart> parts,
                                             const std::multimap<std::string, std::string>& query,
                                             const ClipLimits& limits);

struct TimelinePart {
  double begin = 0, end = 0;  ///< seconds of the video
  ExtractedClip clip;         ///< a subtitle's text stands as its transcript
};

/// From `begin` to `end` seconds of the video, or to its end. Null where the video has ended before: subtitles that are
/// left have their text alone.
using ExtractPiece = std::function<std::shared_ptr<const ExtractedClip>(double begin, double end)>;

/// In the order of time. What the two functions throw passes through. `piece`: infinite to extract it as a whole.
void for_each_part(const TimelineOptions& options, double piece, const ExtractPiece& extract,
                   const std::function<void(const TimelinePart&)>& use);

}  // namespace kuda
