#pragma once
// Private to speech: one transcript, window by window.

#include <torch/torch.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/speech_windows.h"
#include "kuda/extract/speech/whisper.h"
#include "kuda/extract/speech/whisper_decoding.h"
#include "kuda/extract/speech/whisper_tokens.h"
#include "kuda/extract/speech/written_language.h"

namespace kuda {

/// A Whisper folder, ready to be used.
struct RecogniserModel {
  std::string folder;
  Whisper whisper{nullptr};
  WhisperTokens tokens;
  torch::Tensor filters;
  std::string language;  ///< empty: it is heard
  ChineseScript script;
  bool cuts_second_pass = true;

  /// Throws as SpeechRecogniser does.
  RecogniserModel(const std::filesystem::path& folder, const RecogniserOptions& options);
  [[nodiscard]] double longest_speech() const;  ///< seconds that the parts of a window may span
  [[nodiscard]] std::string hear_language_of(const torch::Tensor& sound);
  /// A model that repeats itself in a short window gets a second try in the one it was trained with. `states` receives
  /// those of the encoder over the sound of the first try, [L, D].
  [[nodiscard]] DecodedWindow transcribe(const torch::Tensor& sound, const std::string& spoken_language,
                                         torch::Tensor& states);

 private:
  [[nodiscard]] std::int64_t longest_window() const;
  [[nodiscard]] std::int64_t window_for(const torch::Tensor& sound) const;
  [[nodiscard]] HeardWindow hear(const torch::Tensor& sound, std::int64_t positions);
};

class Transcription {
 public:
  /// `model` must outlive it.
  explicit Transcription(RecogniserModel& model, SpeechStates states = {});
  /// The next window and its samples.
  void add(SpeechWindow window, torch::Tensor sound);
  [[nodiscard]] Transcript finish();
  /// Samples of windows that wait for the language.
  [[nodiscard]] std::size_t kept() const noexcept;

 private:
  struct Waiting {
    SpeechWindow window;
    torch::Tensor sound;
  };
  void write_down(const SpeechWindow& window, const torch::Tensor& sound);
  void settle_language();

  RecogniserModel& model_;
  SpeechStates states_;
  Transcript transcript_;
  std::vector<Waiting> waiting_;  // until the language is known
  double log_probability_ = 0;
  std::size_t count_ = 0;  // pieces and ends
};

}  // namespace kuda
