#pragma once
// From a window of sound to the pieces of its transcript, the most probable one at each step.

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kuda/extract/speech/whisper_tokens.h"

namespace kuda {

/// Pieces of one window. Row i of `attention` is where the model listened when it chose piece i, and the row behind the
/// last piece where it listened when it went on.
struct DecodedWindow {
  std::vector<std::int64_t> ids;
  std::vector<float> log_probabilities;  ///< of each piece
  double end_log_probability = 0;        ///< of the end; 0 where it did not come
  torch::Tensor attention;               ///< [alignment heads, pieces + 1, L]
  bool repeated = false;                 ///< cut by the guard
  /// Keeps the first pieces of what repeats itself.
  void cut(std::size_t kept);
};

/// Where a transcript repeats itself: the number of pieces up to the first copy's end, when the last ones are at least
/// three copies of the same 1 to 60 pieces that are 16 or more together. Nothing else. Who says a word nine times in a
/// row keeps them; a model that loops is cut at the first copy.
[[nodiscard]] std::optional<std::size_t> first_copy(const std::vector<std::int64_t>& ids);

/// At most `most` pieces: who reaches that is cut as repeating, since nobody speaks so fast. `where` stands for the
/// model in messages; throws CheckpointError where its weights give no numbers.
[[nodiscard]] DecodedWindow decode(WhisperImpl& whisper, const WhisperTokens& tokens, HeardWindow heard,
                                   const std::string& language, std::int64_t most, const std::string& where);

/// The most probable language of a window. `heard` stays as it is.
[[nodiscard]] std::string hear_language(WhisperImpl& whisper, const WhisperTokens& tokens, HeardWindow heard);

}  // namespace kuda
