#pragma once
// The JSON body of a request as clips. Numbers go straight into float arrays: a tree of values would need twenty times
// the memory of the body. No LibTorch.
//
//   const ClipRequest request = parse_clips(body, limits);
//   {"text": "a fine film", "vision": [[0.1, 0.2], [0.3, 0.4]]}         one clip
//   {"clips": [{"id": "a", "text": "..."}, {"audio": [[...]]}]}         many
//   {"clip": "03bSnISJMiM$_$1", "without": ["vision"]}                  of the predictor's data, and not all of it

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/predictor/clip.h"

namespace kuda {

struct ExtractedClip;

/// What one request may hold; more is refused with a message that names the limit.
struct ClipLimits {
  std::size_t clips = 64;          ///< in one request
  std::size_t frames = 10000;      ///< of one modality of one clip
  std::size_t text_bytes = 20000;  ///< of one clip; as many token ids
};

inline constexpr std::int64_t kMostNearest = 50;  ///< of ClipRequest::nearest

struct ClipRequest {
  std::vector<ClipInput> clips;
  bool is_list = false;                              ///< as {"clips": [...]}: the answer is a list too
  bool with_attention = false;                       ///< "attention": true
  std::shared_ptr<const ExtractedClip> extracted{};  ///< what the one clip was made from, where it came as a video
  std::int64_t nearest = 5;  ///< "count", from 1 to kMostNearest: training clips that POST /v1/nearest gives
};

/// Marks a modality as left out (ClipInput::without), by its name or its letter in either case. Throws DataError
/// listing the known names.
void leave_out(std::string_view name, const std::string& field, ClipInput& clip);

/// Throws DataError naming the place ("clips[3].vision[10]"), what was expected and what was found: text that is no
/// JSON, unknown keys (with the nearest), wrong types, rows of unequal length, numbers that are not finite, anything
/// nested deeper than a matrix, more than a limit allows. Nothing of the body is in a message but its own keys and
/// numbers.
[[nodiscard]] ClipRequest parse_clips(std::string_view body, const ClipLimits& limits);

}  // namespace kuda
