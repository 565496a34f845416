#pragma once
// Private to the MMSA reader: the frames under one key of a split, whichever way they are written: one padded array
// [N, L, D], or a list (tuple, object array) of clips, each an array [L, D] or lists of numbers.

#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/pack.h"

namespace kuda {

struct MmsaFrames {
  std::vector<PaddedArray> parts;  ///< the padded array, or one [1, L, D] a clip; none where the split has no clips
  bool is_ragged = false;          ///< a list whose clips have lengths of their own, which are their declared lengths
  [[nodiscard]] bool is_empty() const noexcept { return parts.empty(); }
};

/// Throws DataError naming split, key and clip.
[[nodiscard]] MmsaFrames read_frames(const MmsaSplit& split, std::string_view key);

/// One array of numbers of a value: an array as it is, lists of numbers and of such as float64. Throws DataError, which
/// begins with `where`, when lists inside differ in length or hold something else.
[[nodiscard]] io::Array numbers_of(const io::Value& value, const std::string& where);

}  // namespace kuda
