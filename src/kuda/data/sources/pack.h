#pragma once
// From padded arrays [N, L, D] to one packed array [sum of stored lengths, D]: plan first (cheap: reads the padding
// only), then fill memory or a mapped file of the right size, one clip at a time.
//
//   const PackPlan plan = plan_packing({train, valid, test}, lengths);
//   fill_packed(plan, values);

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/data/dataset.h"
#include "kuda/data/finite.h"
#include "kuda/io/array.h"

namespace kuda {

/// One padded array of a file, [N, L, D] of any numeric dtype; `name` stands for it in messages.
struct PaddedArray {
  io::Array array;
  std::string name;
};

struct PackPlan {
  std::vector<PaddedArray> parts;        ///< one after the other along N
  std::vector<std::int64_t> first_rows;  ///< row of the first clip of each part
  std::vector<std::int64_t> offsets, lengths;
  std::int64_t padded_length = 0;  ///< the longest L of the parts
  std::int64_t width = 0;
  std::int64_t rows_before_words = 0;  ///< zeros that are no padding (dataset.h)
  [[nodiscard]] std::int64_t num_frames() const { return offsets.back(); }
};

/// What was seen on the way, for warnings.
struct PackCounts {
  NotFinite not_finite;
  std::int64_t clips_not_finite = 0;    ///< clips with any of these
  std::int64_t first_not_finite = -1;   ///< row of the first one
  std::int64_t beyond_float32 = 0;      ///< finite in the file, but not in float32; not among not_finite's infinities
  std::int64_t first_beyond = -1;       ///< row of the first one, and
  double first_beyond_value = 0;        ///< what it is in the file
  std::int64_t clips_leading_zero = 0;  ///< clips that start with an all-zero frame, behind the rows before words, but
                                        ///< are not zero throughout
  std::string digest;                   ///< SHA-256 of the packed values
};

/// Called when clips [first, last) of a part have been read, so that their pages can be given back.
using ClipsDone = std::function<void(const PaddedArray& part, std::int64_t first, std::int64_t last)>;

/// Where `lengths` has a value, the stored length is that (at most L) or up to the last non-zero frame, whichever is
/// more. Without lengths, or where `at_least` says that they are lower bounds, the last non-zero frame decides the
/// declared length too. Throws DataError: not three dimensions, widths that differ (both are named), no frames.
[[nodiscard]] PackPlan plan_packing(std::vector<PaddedArray> parts,
                                    const std::optional<std::vector<std::int64_t>>& lengths, bool at_least = false,
                                    const ClipsDone& done = {});

/// Gives the pages of clips [first, last) back to the system where they lie in `file`; they come again when read.
void give_back(const MappedFile& file, const io::Array& array, std::int64_t first, std::int64_t last);

/// Called when the packed values from `first` up to `last` are final.
using BytesWritten = std::function<void(const void* first, const void* last)>;

/// Copies the stored frames to `values`, num_frames() * width floats, in order; nullptr: looks at them only.
PackCounts fill_packed(const PackPlan& plan, float* values, const ClipsDone& done = {},
                       const BytesWritten& written = {});

/// The part of a plan that holds the clip `row`, and its place there.
struct ClipPlace {
  const PaddedArray* part;
  std::int64_t clip;
};
[[nodiscard]] ClipPlace place_of_clip(const PackPlan& plan, std::int64_t row);
/// The first frames of a clip as float32, as many as `frames` has room for.
void copy_clip(const io::Array& array, std::int64_t clip, std::span<float> frames);

/// Writes the stored frames of the clip `row`.
using ReadClip = std::function<void(std::int64_t row, std::span<float> frames)>;
/// The same from a source that gives one clip after the other; the plan needs no parts.
PackCounts fill_packed(const PackPlan& plan, float* values, const ReadClip& read, const BytesWritten& written);

/// The plan's offsets and lengths without values.
[[nodiscard]] Feature empty_feature(const PackPlan& plan);

}  // namespace kuda
