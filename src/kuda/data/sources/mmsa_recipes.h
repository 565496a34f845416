#pragma once
// Private to the MMSA reader: the lines of Python, for a hint, that make a feature file of what was found instead.
// FILE stands for the file; d is what it holds.

#include <string>

#include "kuda/io/pickle/value.h"

namespace kuda {

/// Of clips one after the other, where a dict of columns is wanted: dicts of a clip, tuples (features, label, id) as
/// MISA, MAG-BERT and MMIM have them, three splits as a tuple. `is_root`: the whole file is these clips, else a split.
/// "" where nothing is known.
[[nodiscard]] std::string recipe_for_clips(const io::Value& clips, bool is_root);
/// Of a dict without splits and without columns: columns that hold splits, clips under their ids.
[[nodiscard]] std::string recipe_for_dict(const io::Value& root);

/// Of labels that are texts, or more than one number a clip.
[[nodiscard]] std::string recipe_for_labels(const std::string& key, const io::Value& label);

/// Of frames whose number of dimensions is not that of [N, L, D] (`is_list`: [L, D] a clip); "" where nothing is known.
[[nodiscard]] std::string recipe_for_frames(const std::vector<std::int64_t>& shape, bool is_list);

}  // namespace kuda
