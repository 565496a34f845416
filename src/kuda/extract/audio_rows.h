#pragma once
// The audio features of a clip by its recipe, from the sound as it comes.
//
//   AudioRows audio(recipe.audio, "clip.mp4");
//   for (const auto& piece : pieces) audio.add(piece);      // and add_states, where the recipe has columns of Whisper
//   const StoredRows rows = audio.finish(nullptr);          // [frames, columns of the recipe]

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "kuda/data/modality.h"
#include "kuda/extract/audio_columns.h"
#include "kuda/extract/recipe.h"
#include "kuda/extract/row_store.h"
#include "kuda/extract/voice/opensmile.h"
#include "kuda/extract/voice/voice.h"

namespace kuda {

/// Those columns of rows [n, C]; all of them, in order, without a copy.
[[nodiscard]] at::Tensor with_columns(const at::Tensor& rows, const at::Tensor& places);

/// Throws DataError naming file and modality.
void require_finite(const at::Tensor& values, const std::filesystem::path& file, Modality modality);

/// openSMILE of a folder `opensmile/core`, where the recipe has columns of it; else none. Throws ConfigError where the
/// folder is not named, holds no library, or one with other columns.
[[nodiscard]] std::unique_ptr<OpenSmile> opensmile_for(const AudioRecipe& recipe, const std::filesystem::path& folder);

class AudioRows {
 public:
  /// `file` stands for the clip in messages.
  AudioRows(const AudioRecipe& recipe, std::filesystem::path file);
  void add(const at::Tensor& samples);                          ///< the next ones, [S] float32
  void add_states(double begin, const at::Tensor& states);      ///< as SpeechStates gives them
  void finish_voice();                                          ///< once, behind the last samples
  [[nodiscard]] at::Tensor energy() const;                      ///< of speech, [frames]; after finish_voice
  [[nodiscard]] StoredRows finish(const OpenSmile* opensmile);  ///< once, after all others

 private:
  void keep(const at::Tensor& features);
  [[nodiscard]] at::Tensor laid_on_axis(const at::Tensor& values, std::vector<double> times, std::int64_t first,
                                        std::int64_t frames) const;

  std::filesystem::path file_;
  VoiceOptions options_;
  AudioColumns columns_;
  VoiceAnalyser voice_;
  RowStore voice_rows_, whisper_rows_;
  std::optional<RowStore> sound_;  // kept for openSMILE, which takes all of it at once
  std::vector<at::Tensor> energies_;
};

}  // namespace kuda
