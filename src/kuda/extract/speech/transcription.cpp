#include "kuda/extract/speech/transcription.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/second_pass.h"
#include "kuda/extract/speech/word_times.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kSamplesPerPosition = 2 * kSamplesPerFrame;  // of the encoder: 20 ms
constexpr std::int64_t kPositionsPerSecond = kSampleRate / kSamplesPerPosition;
// Seconds of sound and silence that the encoder gets. A third of the usual 30 s takes a quarter of the time and gives
// the same words; a window as short as the clip makes the decoder repeat itself without end.
constexpr std::array<std::int64_t, 3> kWindows{10, 20, 30};
constexpr double kSilence = 1;             // seconds of it, at the least, behind the sound of a window
constexpr double kMostPieces = 16;         // of a window, beside kMostPiecesPerSecond
constexpr double kHeardForLanguage = 300;  // seconds of speech from which the language is taken

/// Of the encoder, that look at the sound.
std::int64_t positions_of(const Tensor& sound) {
  return (sound.size(0) + kSamplesPerPosition - 1) / kSamplesPerPosition;
}

/// Seconds at which each row of attention [heads, N, L] listens, on average.
std::vector<double> middles_of(const Tensor& attention) {
  const auto weights = attention.mean(0);                                     // [N, L]
  const auto places = torch::arange(weights.size(1), weights.options());      // [L]
  const auto middles = weights.mv(places) / weights.sum(1).clamp_min(1e-12);  // [N]
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < middles.size(0); ++i)
    seconds.push_back(middles[i].item<double>() / double(kPositionsPerSecond));
  return seconds;
}

/// When each piece of a window begins, in seconds of the whole sound. What was written down twice is cut where `cuts`.
std::vector<double> times_in(DecodedWindow& decoded, const SpeechWindow& window, std::int64_t positions, bool cuts) {
  const auto in_sound = [&](std::vector<double> seconds) {
    for (auto& second : seconds) second += window.begin;
    return seconds;
  };
  while (true) {
    const auto attention = decoded.attention.slice(2, 0, positions);
    auto times = in_sound(row_times(attention));
    if (!cuts) return times;
    const auto kept = second_pass(decoded.ids, times, in_sound(middles_of(attention)), window.parts);
    if (!kept) return times;
    decoded.cut(*kept);
  }
}

}  // namespace

RecogniserModel::RecogniserModel(const std::filesystem::path& path, const RecogniserOptions& options)
    : folder(path.string()), cuts_second_pass(options.cuts_second_pass) {
  const auto config = WhisperConfig::load(path);
  tokens = WhisperTokens::load(path, config);
  whisper = load_whisper(path);
  filters = mel_filters(config.num_mel_bins);
  const auto& languages = tokens.languages;
  const auto [wanted, wanted_script] = language_and_script(options.language);
  language = languages.empty() ? "en" : wanted;
  std::vector<std::string> known;
  for (const auto& [code, id] : languages) known.push_back(code);
  if (known.empty()) known = {"en"};
  if (!wanted.empty() && std::find(known.begin(), known.end(), wanted) == known.end()) {
    for (const char* chinese : {"zh-Hans", "zh-Hant"})
      if (languages.contains("zh")) known.emplace_back(chinese);
    throw ConfigError(fmt::format("{}: this model does not know the language '{}'", folder, options.language),
                      languages.empty()
                          ? "it knows English alone; `make multilingual` brings one that knows 99 languages: "
                            "--speech-model extractors/whisper-base"
                          : suggestion(wanted, known));
  }
  script = ChineseScript(wanted_script);
}

std::int64_t RecogniserModel::longest_window() const {
  return std::min(kWindows.back() * kPositionsPerSecond, whisper->config().max_source_positions);
}

double RecogniserModel::longest_speech() const {
  const double seconds = double(longest_window()) / double(kPositionsPerSecond);
  return std::max(seconds - 2 * kSilence, seconds / 2);
}

/// Positions of the smallest window that holds this sound.
std::int64_t RecogniserModel::window_for(const Tensor& sound) const {
  for (const auto seconds : kWindows)
    if (double(sound.size(0)) / double(kSampleRate) + kSilence <= double(seconds))
      return std::min(seconds * kPositionsPerSecond, longest_window());
  return longest_window();
}

HeardWindow RecogniserModel::hear(const Tensor& sound, std::int64_t positions) {
  const auto length = positions * kSamplesPerPosition;
  const auto window =
      torch::constant_pad_nd(sound.slice(0, 0, length), {0, std::max<std::int64_t>(length - sound.size(0), 0)});
  return whisper->hear(log_mel(window, filters));
}

std::string RecogniserModel::hear_language_of(const Tensor& sound) {
  return hear_language(*whisper, tokens, hear(sound, window_for(sound)));
}

DecodedWindow RecogniserModel::transcribe(const Tensor& sound, const std::string& spoken_language, Tensor& states) {
  const auto most = std::int64_t(kMostPieces + kMostPiecesPerSecond * double(sound.size(0)) / double(kSampleRate));
  const auto positions = window_for(sound);
  auto heard = hear(sound, positions);
  states = heard.states[0].slice(0, 0, positions_of(sound));
  auto decoded = decode(*whisper, tokens, std::move(heard), spoken_language, most, folder);
  if (decoded.repeated && positions < longest_window())
    decoded = decode(*whisper, tokens, hear(sound, longest_window()), spoken_language, most, folder);
  return decoded;
}

Transcription::Transcription(RecogniserModel& model, SpeechStates states) : model_(model), states_(std::move(states)) {
  transcript_.language = model.language;
}

std::size_t Transcription::kept() const noexcept {
  std::size_t samples = 0;
  for (const auto& waiting : waiting_) samples += std::size_t(waiting.sound.size(0));
  return samples;
}

void Transcription::add(SpeechWindow window, Tensor sound) {
  if (!transcript_.language.empty()) return write_down(window, sound);
  waiting_.push_back({std::move(window), std::move(sound)});
  double spoken = 0;
  for (const auto& waiting : waiting_) spoken += waiting.window.spoken();
  if (spoken >= kHeardForLanguage) settle_language();
}

/// That of the window in which most is said.
void Transcription::settle_language() {
  if (waiting_.empty()) return;
  const auto most = std::max_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
    return a.window.spoken() < b.window.spoken();
  });
  transcript_.language = model_.hear_language_of(most->sound);
  for (const auto& waiting : waiting_) write_down(waiting.window, waiting.sound);
  waiting_.clear();
}

void Transcription::write_down(const SpeechWindow& window, const Tensor& sound) {
  const bool spaces = has_spaces(transcript_.language);
  Tensor states;
  auto decoded = model_.transcribe(sound, transcript_.language, states);
  if (states_) states_(window.begin, states);
  const auto times = decoded.ids.empty() ? std::vector<double>()
                                         : times_in(decoded, window, positions_of(sound), model_.cuts_second_pass);
  transcript_.repeated = transcript_.repeated || decoded.repeated;
  log_probability_ += decoded.end_log_probability;
  ++count_;
  if (decoded.ids.empty()) return;
  std::vector<std::string> pieces;
  std::string bytes;
  for (std::size_t i = 0; i < decoded.ids.size(); ++i) {
    pieces.push_back(model_.tokens.pieces[std::size_t(decoded.ids[i])]);
    bytes += pieces.back();
    log_probability_ += decoded.log_probabilities[i];
    ++count_;
  }
  if (spaces && !transcript_.text.empty() && !bytes.starts_with(' ')) transcript_.text += ' ';
  transcript_.text += encode_utf8(decode_utf8(bytes));
  auto words = words_of(pieces, decoded.log_probabilities, times, spaces);
  fit_into(window.parts, words);
  transcript_.words.insert(transcript_.words.end(), words.begin(), words.end());
}

Transcript Transcription::finish() {
  settle_language();
  transcript_.text = trimmed(transcript_.text);
  model_.script.write(transcript_);
  if (count_ > 0) transcript_.average_log_probability = log_probability_ / double(count_);
  return std::move(transcript_);
}

}  // namespace kuda
