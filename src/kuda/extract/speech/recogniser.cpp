#include <torch/torch.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/part_finder.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/speech_windows.h"
#include "kuda/extract/speech/transcription.h"

namespace kuda {

using torch::Tensor;

SpeechRecogniser::SpeechRecogniser(const std::filesystem::path& folder, const RecogniserOptions& options)
    : model_(std::make_unique<RecogniserModel>(folder, options)) {}

SpeechRecogniser::~SpeechRecogniser() = default;

Transcript SpeechRecogniser::transcribe(const Tensor& samples, const std::vector<SpeechPart>& parts) const {
  check_samples(samples);
  const torch::NoGradGuard no_grad;
  Transcription transcription(*model_);
  for (auto& window : speech_windows(samples, parts, model_->longest_speech())) {
    const auto sound = sound_of(samples, window);
    transcription.add(std::move(window), sound);
  }
  return transcription.finish();
}

struct SpeechListener::State {
  const VoiceActivity& voice;
  VoiceActivity::Memory memory;
  PartFinder parts;
  WindowFinder windows;
  Transcription transcription;
  std::vector<float> samples;  // of the sound from `first` on; before the sound there is silence
  std::int64_t first = -kVoiceContext;
  std::int64_t next = 0;  // sample whose probability comes next
  double spoken = 0;

  State(const VoiceActivity& activity, RecogniserModel& model, const SpeechPartOptions& options, SpeechStates states)
      : voice(activity),
        parts(double(kVoiceStep) / double(kSampleRate), options),
        windows(model.longest_speech(), [this](std::int64_t from, std::int64_t to) { return sound(from, to); }),
        transcription(model, std::move(states)),
        samples(std::size_t(kVoiceContext), 0.0F) {}

  [[nodiscard]] std::int64_t end() const { return first + std::int64_t(samples.size()); }

  /// A view, as far as the sound goes.
  [[nodiscard]] Tensor sound(std::int64_t from, std::int64_t to) {
    return torch::from_blob(samples.data() + (from - first), {std::min(to, end()) - from}, torch::kFloat32);
  }

  void hear(std::int64_t steps) {
    const auto block = sound(next - kVoiceContext, next + steps * kVoiceStep);
    for (const float probability : voice.next(block, memory)) parts.add(probability);
    next += steps * kVoiceStep;
  }

  void take(std::vector<SpeechPart> found, double seconds) {
    for (const auto& part : found) {
      spoken += part.end - part.begin;
      windows.add({part.begin, std::min(part.end, seconds)});
    }
  }

  void write_down() {
    for (auto& window : windows.take()) {
      const auto own = sound(sample_at(window.begin), sample_at(window.end)).clone();
      transcription.add(std::move(window), own);
    }
  }

  /// What is settled goes, in steps that cost no more than what stays.
  void forget() {
    const auto wanted = std::min(next - kVoiceContext, sample_at(windows.needed_from()));
    const auto count = wanted - first;
    if (count < std::int64_t(samples.size()) / 2) return;
    samples.erase(samples.begin(), samples.begin() + count);
    first = wanted;
  }
};

SpeechListener::SpeechListener(const VoiceActivity& voice, const SpeechRecogniser& recogniser,
                               const SpeechPartOptions& options, SpeechStates states)
    : state_(std::make_unique<State>(voice, *recogniser.model_, options, std::move(states))) {}

SpeechListener::~SpeechListener() = default;

std::size_t SpeechListener::kept() const noexcept { return state_->samples.size() + state_->transcription.kept(); }

void SpeechListener::add(const Tensor& samples) {
  check_samples(samples);
  const torch::NoGradGuard no_grad;
  auto& s = *state_;
  constexpr auto kBlock = kVoiceStepsAtOnce * kVoiceStep;
  // Pieces of a block at most: who sends an hour at once is kept no longer.
  for (std::int64_t from = 0; from < samples.size(0); from += kBlock) {
    const auto piece = samples.slice(0, from, from + kBlock).contiguous();
    s.samples.insert(s.samples.end(), piece.const_data_ptr<float>(), piece.const_data_ptr<float>() + piece.size(0));
    while (s.next + kBlock <= s.end()) {
      s.hear(kVoiceStepsAtOnce);
      s.take(s.parts.take(), double(s.end()) / double(kSampleRate));
      if (const auto open = s.parts.open()) s.windows.goes_on(*open);
      s.windows.nothing_before(s.parts.nothing_before());
      s.write_down();
      s.forget();
    }
  }
}

HeardSpeech SpeechListener::finish() {
  const torch::NoGradGuard no_grad;
  auto& s = *state_;
  const auto length = s.end();
  const auto steps = (length - s.next + kVoiceStep - 1) / kVoiceStep;
  s.samples.resize(s.samples.size() + std::size_t(s.next + steps * kVoiceStep - length));  // silence behind the sound
  if (steps > 0) s.hear(steps);
  s.samples.resize(std::size_t(length - s.first));
  const double seconds = double(length) / double(kSampleRate);
  s.parts.finish(seconds);
  s.take(s.parts.take(), seconds);
  s.windows.finish(seconds);
  s.write_down();
  return {s.transcription.finish(), s.spoken};
}

}  // namespace kuda
