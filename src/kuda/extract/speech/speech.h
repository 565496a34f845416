#pragma once
// Speech in a clip: where somebody speaks, and what is said.
//
//   const VoiceActivity voice("extractors/default/voice_activity.safetensors");
//   const SpeechRecogniser recogniser("extractors/default/whisper-tiny.en");     // or any Whisper folder
//   const auto transcript = recogniser.transcribe(samples, voice.parts(samples));
//   for (const auto& word : transcript.words) use(word.text, word.begin, word.end);
//
//   SpeechListener listener(voice, recogniser);          // the same of sound that comes in pieces, in constant memory
//   for (const auto& piece : pieces) listener.add(piece);
//   const auto heard = listener.finish();
//
// Samples are [S] float32, mono, 16 kHz, in -1..1; times are seconds from the first sample. Both may be used by several
// threads at once.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

/// begin < end
struct SpeechPart {
  double begin = 0, end = 0;
};

/// Rules from probabilities to parts: speech begins at `threshold`, and ends where the probability stays below
/// `release` for `shortest_silence`. Seconds.
struct SpeechPartOptions {
  double threshold = 0.5, release = 0.35;
  double shortest_speech = 0.25;   ///< what is shorter is no speech ...
  double shortest_silence = 0.25;  ///< ... and a shorter pause does not divide
  double padding = 0.1;            ///< added on both sides, at most up to the middle of a pause
};

inline constexpr std::int64_t kVoiceStep = 512;          ///< samples that a probability stands for: 32 ms
inline constexpr std::int64_t kVoiceContext = 64;        ///< of those before it are seen as well
inline constexpr std::int64_t kVoiceStepsAtOnce = 1024;  ///< are computed together, whatever the length

/// Silero VAD 6.2.3 (MIT) in plain operations.
class VoiceActivity {
 public:
  /// The file that scripts/extractor/speech_weights.py makes. Throws FormatError (damaged), CheckpointError (other
  /// tensors), naming it.
  explicit VoiceActivity(const std::filesystem::path& safetensors);
  /// One for each 32 ms that has begun: the probability that somebody speaks in it. Throws ShapeError for other input.
  [[nodiscard]] std::vector<float> probabilities(const at::Tensor& samples) const;
  /// In order, apart from each other, inside the samples. Empty for silence, noise and music.
  [[nodiscard]] std::vector<SpeechPart> parts(const at::Tensor& samples, const SpeechPartOptions& options = {}) const;

  /// What is known of the sound before; empty at its beginning.
  struct Memory {
    at::Tensor hidden, cell;
  };
  /// The next probabilities of a sound in pieces of kVoiceStepsAtOnce (the last one shorter), each with the
  /// kVoiceContext samples before it.
  [[nodiscard]] std::vector<float> next(const at::Tensor& sound, Memory& memory) const;

 private:
  struct Weights;
  std::shared_ptr<const Weights> weights_;
};

/// The parts of a row of probabilities, one for each `step` seconds, of sound that lasts `seconds`.
[[nodiscard]] std::vector<SpeechPart> parts_of(const std::vector<float>& probabilities, double step, double seconds,
                                               const SpeechPartOptions& options = {});

struct SpokenWord {
  std::string text;  ///< without spaces around it; punctuation stays with its word
  double begin = 0, end = 0;
  double probability = 0;  ///< mean of its pieces'
};

struct Transcript {
  std::string text, language;          ///< language: "en", "zh", ...
  std::vector<SpokenWord> words;       ///< in order; begins never step back, and each ends before the next begins
  bool repeated = false;               ///< the recogniser repeated itself, and its text was cut there
  double average_log_probability = 0;  ///< over all pieces; 0 where nothing was said
};

struct RecogniserOptions {
  /// Of a multilingual model: its code, or empty to hear which it is. zh-Hans and zh-Hant write Chinese in simplified
  /// and in traditional characters (written_language.h).
  std::string language;
  bool cuts_second_pass = true;  ///< what was said once and is written down twice (second_pass.h)
};

struct RecogniserModel;

/// Whisper (Radford et al. 2022) from a folder in Hugging Face layout, greedy.
class SpeechRecogniser {
 public:
  /// config.json, generation_config.json (or its keys in config.json), tokenizer.json or vocab.json, weights whole or
  /// in parts, float32, float16 or bfloat16 (computed in float32). Throws FormatError (damaged), DataError (not a
  /// Whisper; values that cannot be), CheckpointError (missing files or tensors), ConfigError (an unknown language, a
  /// script without OpenCC).
  explicit SpeechRecogniser(const std::filesystem::path& whisper_folder, const RecogniserOptions& options = {});
  ~SpeechRecogniser();
  /// What is said in `parts` (in order, as VoiceActivity::parts gives them); nothing where there are none: Whisper
  /// hears words in silence and in noise. A multilingual model hears the language in that window in which most is said,
  /// of those of the first five minutes of speech. Throws ShapeError for other input.
  [[nodiscard]] Transcript transcribe(const at::Tensor& samples, const std::vector<SpeechPart>& parts) const;

 private:
  friend class SpeechListener;
  std::unique_ptr<RecogniserModel> model_;
};

/// What was heard in a whole sound.
struct HeardSpeech {
  Transcript transcript;
  double seconds = 0;  ///< of speech
};

/// What the recogniser's encoder makes of a stretch of speech: states [L, D], the first at `begin` seconds and 50 a
/// second. Stretches come in order; between them nobody speaks.
using SpeechStates = std::function<void(double begin, const at::Tensor& states)>;

/// Both at work on a sound that comes in pieces: gives what transcribe(samples, parts(samples)) gives, and keeps about
/// two minutes of the sound, with a multilingual model whose language is not named five minutes of speech more.
class SpeechListener {
 public:
  /// Both must outlive it.
  SpeechListener(const VoiceActivity& voice, const SpeechRecogniser& recogniser, const SpeechPartOptions& options = {},
                 SpeechStates states = {});
  SpeechListener(const SpeechListener&) = delete;
  SpeechListener& operator=(const SpeechListener&) = delete;
  ~SpeechListener();
  void add(const at::Tensor& samples);              ///< the next ones; throws ShapeError
  [[nodiscard]] HeardSpeech finish();               ///< once; nothing is added after it
  [[nodiscard]] std::size_t kept() const noexcept;  ///< samples that it remembers

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kuda
