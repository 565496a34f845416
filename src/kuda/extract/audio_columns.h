#pragma once
// The columns of audio that a recipe may name, and who makes them:
//
//   f0, mel_3, ...         extract/voice
//   whisper_0, ...         states of the recogniser's encoder while somebody speaks, zeros elsewhere
//   egemaps_Loudness_sma3, ...   openSMILE's eGeMAPSv02, by a library that the user has
//
// "voice", "whisper" and "egemaps" stand for all of one kind.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kuda {

/// The 25 columns of eGeMAPSv02 as openSMILE names them.
[[nodiscard]] const std::vector<std::string>& egemaps_columns();

/// Puts the names of all columns in the place of "voice" and "egemaps"; those of "whisper" are known by its width.
/// Throws ConfigError for a column that does not exist, one that comes twice, and none at all; `where` names the list.
[[nodiscard]] std::vector<std::string> checked_audio_columns(const std::vector<std::string>& columns,
                                                             const std::string& where);
[[nodiscard]] bool reads_whisper(const std::vector<std::string>& columns);
/// The same for "whisper", of a model of that width. Throws ConfigError for a state beyond it.
[[nodiscard]] std::vector<std::string> with_whisper_columns(const std::vector<std::string>& columns,
                                                            std::int64_t width);

/// Where the columns of a list come from: int64, places in what each of the three makes.
struct AudioColumns {
  explicit AudioColumns(const std::vector<std::string>& columns);
  at::Tensor voice, whisper, egemaps;
  at::Tensor order;  ///< [C] places in voice, whisper and egemaps one behind the other
  [[nodiscard]] bool is_voice_alone() const { return whisper.size(0) + egemaps.size(0) == 0; }
};

}  // namespace kuda
