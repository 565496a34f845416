#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/speech_windows.h"
#include "kuda/extract/speech/whisper.h"
#include "kuda/extract/speech/whisper_decoding.h"
#include "kuda/extract/speech/whisper_tokens.h"
#include "kuda/extract/speech/word_times.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kSamplesPerPosition = 2 * kSamplesPerFrame;  // of the encoder: 20 ms
constexpr std::int64_t kPositionsPerSecond = kSampleRate / kSamplesPerPosition;
// Seconds of sound and silence that the encoder gets. A third of the usual 30 s takes a quarter of the time and gives
// the same words; a window as short as the clip makes the decoder repeat itself without end.
constexpr std::array<std::int64_t, 3> kWindows{10, 20, 30};
constexpr double kSilence = 1;  // seconds of it, at the least, behind the sound of a window
// Nobody says more than this: about 7 words, or 8 Chinese syllables of two pieces, a second.
constexpr double kMostPieces = 16, kMostPiecesPerSecond = 20;

}  // namespace

struct SpeechRecogniser::Model {
  std::string folder;
  Whisper whisper{nullptr};
  WhisperTokens tokens;
  Tensor filters;
  std::string language;

  [[nodiscard]] std::int64_t longest_window() const {
    return std::min(kWindows.back() * kPositionsPerSecond, whisper->config().max_source_positions);
  }
  [[nodiscard]] double longest_speech() const {
    const double seconds = double(longest_window()) / double(kPositionsPerSecond);
    return std::max(seconds - 2 * kSilence, seconds / 2);
  }
  /// Positions of the smallest window that holds this sound.
  [[nodiscard]] std::int64_t window_for(const Tensor& sound) const {
    for (const auto seconds : kWindows)
      if (double(sound.size(0)) / double(kSampleRate) + kSilence <= double(seconds))
        return std::min(seconds * kPositionsPerSecond, longest_window());
    return longest_window();
  }
  [[nodiscard]] HeardWindow hear(const Tensor& sound, std::int64_t positions) {
    const auto length = positions * kSamplesPerPosition;
    const auto window =
        torch::constant_pad_nd(sound.slice(0, 0, length), {0, std::max<std::int64_t>(length - sound.size(0), 0)});
    return whisper->hear(log_mel(window, filters));
  }
  /// Of the window in which most is said.
  [[nodiscard]] std::string hear_language_of(const Tensor& samples, const std::vector<SpeechWindow>& windows) {
    const auto most = std::max_element(windows.begin(), windows.end(),
                                       [](const auto& a, const auto& b) { return a.spoken() < b.spoken(); });
    const auto sound = sound_of(samples, *most);
    return hear_language(*whisper, tokens, hear(sound, window_for(sound)));
  }
  /// A model that repeats itself in a short window gets a second try in the one it was trained with.
  [[nodiscard]] DecodedWindow transcribe(const Tensor& sound, const std::string& spoken_language) {
    const auto most = std::int64_t(kMostPieces + kMostPiecesPerSecond * double(sound.size(0)) / double(kSampleRate));
    const auto positions = window_for(sound);
    auto decoded = decode(*whisper, tokens, hear(sound, positions), spoken_language, most, folder);
    if (decoded.repeated && positions < longest_window())
      decoded = decode(*whisper, tokens, hear(sound, longest_window()), spoken_language, most, folder);
    return decoded;
  }
};

SpeechRecogniser::SpeechRecogniser(const std::filesystem::path& folder, const RecogniserOptions& options)
    : model_(std::make_unique<Model>()) {
  model_->folder = folder.string();
  const auto config = WhisperConfig::load(folder);
  model_->tokens = WhisperTokens::load(folder, config);
  model_->whisper = load_whisper(folder);
  model_->filters = mel_filters(config.num_mel_bins);
  const auto& languages = model_->tokens.languages;
  model_->language = languages.empty() ? "en" : options.language;
  std::vector<std::string> known;
  for (const auto& [code, id] : languages) known.push_back(code);
  if (known.empty()) known = {"en"};
  if (options.language.empty() || std::find(known.begin(), known.end(), options.language) != known.end()) return;
  throw ConfigError(fmt::format("{}: this model does not know the language '{}'", folder.string(), options.language),
                    suggestion(options.language, known));
}

SpeechRecogniser::~SpeechRecogniser() = default;

Transcript SpeechRecogniser::transcribe(const Tensor& samples, const std::vector<SpeechPart>& parts) const {
  check_samples(samples);
  const torch::NoGradGuard no_grad;
  Transcript transcript;
  const auto windows = speech_windows(samples, parts, model_->longest_speech());
  transcript.language = model_->language;
  if (windows.empty()) return transcript;
  if (transcript.language.empty()) transcript.language = model_->hear_language_of(samples, windows);
  const bool spaces = has_spaces(transcript.language);
  double log_probability = 0;
  std::size_t count = 0;
  for (const auto& window : windows) {
    const auto sound = sound_of(samples, window);
    const auto decoded = model_->transcribe(sound, transcript.language);
    transcript.repeated = transcript.repeated || decoded.repeated;
    log_probability += decoded.end_log_probability;
    ++count;
    if (decoded.ids.empty()) continue;
    std::vector<std::string> pieces;
    std::string bytes;
    for (std::size_t i = 0; i < decoded.ids.size(); ++i) {
      pieces.push_back(model_->tokens.pieces[std::size_t(decoded.ids[i])]);
      bytes += pieces.back();
      log_probability += decoded.log_probabilities[i];
      ++count;
    }
    if (spaces && !transcript.text.empty() && !bytes.starts_with(' ')) transcript.text += ' ';
    transcript.text += encode_utf8(decode_utf8(bytes));
    const auto frames = (sound.size(0) + kSamplesPerPosition - 1) / kSamplesPerPosition;
    auto words = words_of(pieces, decoded.log_probabilities, row_times(decoded.attention.slice(2, 0, frames)), spaces);
    for (auto& word : words) {
      word.begin += window.begin;
      word.end += window.begin;
    }
    fit_into(window.parts, words);
    transcript.words.insert(transcript.words.end(), words.begin(), words.end());
  }
  transcript.text = trimmed(transcript.text);
  transcript.average_log_probability = log_probability / double(count);
  return transcript;
}

}  // namespace kuda
