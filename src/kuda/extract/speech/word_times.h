#pragma once
// When each word was said: the decoder's attention over the sound, made a path by dynamic time warping.
// Source: the published Whisper code (timing.py), after Giorgino 2009.

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "kuda/extract/speech/speech.h"

namespace kuda {

/// The cheapest monotone path through cost [N, M] float32, from its first cell to its last: pairs of row and column.
[[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> cheapest_path(const torch::Tensor& cost);

/// Attention [heads, N, L] over L frames of 20 ms, which may be a part of what the weights were made over -> the second
/// at which each of the N rows begins. Weights are scaled to mean 0 and deviation 1 over the rows, smoothed by a median
/// of 7 frames and averaged over the heads.
[[nodiscard]] std::vector<double> row_times(const torch::Tensor& attention);

/// Words of pieces (bytes each), of which piece i begins at times[i] and the last ends at times[n]. A word begins with
/// a space; in languages written without (Chinese, Japanese, Thai, Lao, Burmese) each letter is one, the letters of a
/// piece share its time evenly, and runs of ASCII letters and digits stay together. Punctuation belongs to the word
/// before.
[[nodiscard]] std::vector<SpokenWord> words_of(const std::vector<std::string>& pieces,
                                               const std::vector<float>& log_probabilities,
                                               const std::vector<double>& times, bool has_spaces);

/// Without spaces and line ends around it.
[[nodiscard]] std::string trimmed(const std::string& text);

}  // namespace kuda
