#include "kuda/extract/voice/voice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <span>

#include "kuda/base/error.h"
#include "kuda/extract/voice/pitch.h"
#include "kuda/extract/voice/pulses.h"
#include "kuda/extract/voice/sound_buffer.h"
#include "kuda/extract/voice/spectrum.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kBlock = 100;  // frames that are computed at once, always as many: the same bits however cut
constexpr double kLoudnessReach = 3;  // seconds about a frame in which the loudest sample is looked for
constexpr double kPulseReach = 0.06;  // seconds behind a frame whose pulses its jitter may need
constexpr double kSpeechLow = 200, kSpeechHigh = 4000;  // Hz
constexpr std::int64_t kFluxColumn = kMelBands + kCepstra + 3;
constexpr double kMostHnr = 40, kLeastHnr = -10;  // dB

std::int64_t hop_of(const VoiceOptions& options) {
  const double hop = options.sample_rate / options.frames_per_second;
  if (options.sample_rate < 8000 || options.sample_rate > 192000)
    throw ConfigError(fmt::format("sample_rate: expected 8000 to 192000 Hz, found {}", options.sample_rate));
  if (!(hop >= 1) || hop != std::floor(hop) || 10 * hop > options.sample_rate)
    throw ConfigError(
        fmt::format("frames_per_second: expected a rate of at least 10 that divides sample_rate = {}, found {}",
                    options.sample_rate, options.frames_per_second),
        "100 goes with 8000, 16000, 32000, 44100 and 48000 Hz");
  if (!(options.lowest_pitch >= 20 && options.highest_pitch >= 2 * options.lowest_pitch &&
        options.highest_pitch <= options.sample_rate / 8.0))
    throw ConfigError(fmt::format(
        "lowest_pitch, highest_pitch: expected at least 20 Hz, an octave and at most {} Hz, found {} and {}",
        options.sample_rate / 8, options.lowest_pitch, options.highest_pitch));
  return std::int64_t(hop);
}

double harmonics_to_noise(double r) {
  if (r <= 0) return kLeastHnr;
  return r >= 1 ? kMostHnr : std::clamp(10 * std::log10(r / (1 - r)), kLeastHnr, kMostHnr);
}

}  // namespace

const std::vector<std::string>& voice_columns() {
  static const std::vector<std::string> columns = [] {
    auto names = spectral_columns();
    for (const char* name : {"f0", "voicing", "jitter", "shimmer", "hnr"}) names.emplace_back(name);
    return names;
  }();
  return columns;
}

// A frame goes through four stages, each behind the one before by what it has to see:
//   analysed   its spectrum and its candidates for the pitch;         needs 25 ms of sound behind it
//   forwarded  it is the last one of the pitch path;                  needs the loudness of the next three seconds
//   decided    its pitch is known;                                    needs a block of frames forwarded behind it
//   emitted    its jitter and its shimmer are known too;              needs the pulses of the next 60 ms
class VoiceAnalyser::Work {
 public:
  explicit Work(const VoiceOptions& options)
      : options_(options),
        hop_(hop_of(options)),
        sound_(options.sample_rate),
        spectral_(options.sample_rate, hop_),
        pitch_(options, hop_),
        path_(options),
        pulses_(options.sample_rate, hop_) {}

  Tensor add(const Tensor& samples) {
    if (is_finished_) throw Error("VoiceAnalyser: add after finish");
    if (samples.dim() != 1 || samples.scalar_type() != torch::kFloat32)
      throw ShapeError(fmt::format("sound: expected [S] float32, found [{}] {}", fmt::join(samples.sizes(), ", "),
                                   c10::toString(samples.scalar_type())));
    const torch::NoGradGuard no_grad;
    const auto flat = samples.detach().cpu().contiguous();
    std::span<const float> rest(flat.const_data_ptr<float>(), std::size_t(flat.size(0)));
    require_finite(rest);
    while (!rest.empty()) {
      const auto part = rest.first(std::min(rest.size(), std::size_t(kBlock * hop_)));
      sound_.append(part);
      received_ += std::int64_t(part.size());
      rest = rest.subspan(part.size());
      advance();
    }
    return taken();
  }

  Tensor finish() {
    if (is_finished_) throw Error("VoiceAnalyser: finish twice");
    const torch::NoGradGuard no_grad;
    is_finished_ = true;
    total_ = (received_ + hop_ - 1) / hop_;
    const auto blocks = (total_ + kBlock - 1) / kBlock;
    sound_.append_zeros(blocks * kBlock * hop_ - received_ + options_.sample_rate);
    advance();
    return taken();
  }

 private:
  void require_finite(std::span<const float> samples) const {
    const auto bad = std::find_if(samples.begin(), samples.end(), [](float x) { return !std::isfinite(x); });
    if (bad == samples.end()) return;
    const auto at = received_ + (bad - samples.begin());
    throw DataError(fmt::format("sound: sample {} ({:.3f} s): expected a finite number, found {}", at,
                                double(at) / options_.sample_rate, *bad),
                    "a decoder that gives such samples read a damaged file");
  }

  /// How far a stage may go that sees `ahead` frames more than it passes on, the one before being at `before`.
  [[nodiscard]] std::int64_t behind(std::int64_t before, std::int64_t ahead) const {
    return is_finished_ && before >= total_ ? total_ : std::max<std::int64_t>(0, before - ahead);
  }

  [[nodiscard]] std::int64_t frames_in(double seconds) const {
    return std::int64_t(std::ceil(seconds * options_.frames_per_second));
  }

  void advance() {
    const auto half = std::max(pitch_.half_window(), spectral_.half_window());
    while (!(is_finished_ && analysed_ >= total_) && sound_.end() >= (analysed_ + kBlock) * hop_ + half)
      analyse_block();
    const auto loudness_frames = frames_in(kLoudnessReach);
    while (forwarded_ < behind(analysed_, loudness_frames)) {
      forward_frame(loudness_frames);
      if (path_.waiting() == 2 * kBlock) decide(kBlock);
    }
    if (is_finished_) decide(path_.waiting());
    const auto pulse_frames = frames_in(kPulseReach);
    while (emitted_ + kBlock <= behind(decided_, pulse_frames)) emit(kBlock);
    if (is_finished_ && emitted_ < total_) emit(total_ - emitted_);
    sound_.forget_before(decided_ * hop_ - options_.sample_rate / 2);
  }

  void analyse_block() {
    const float* centre = sound_.at(analysed_ * hop_);
    tables_.push_back(spectral_.table(centre, kBlock));
    if (analysed_ == 0) tables_.front()[0][kFluxColumn] = 0;  // there is no frame before
    for (const auto& frame : pitch_.candidates(centre, kBlock)) {
      candidates_.push_back(frame);
      peaks_.push_back(frame.peak);
    }
    analysed_ += kBlock;
  }

  void forward_frame(std::int64_t loudness_frames) {
    while (first_peak_ < forwarded_ - loudness_frames) {
      peaks_.pop_front();
      ++first_peak_;
    }
    const auto until =
        std::min<std::int64_t>(forwarded_ + loudness_frames + 1 - first_peak_, std::int64_t(peaks_.size()));
    path_.forward(candidates_.front(), *std::max_element(peaks_.begin(), peaks_.begin() + until));
    candidates_.pop_front();
    ++forwarded_;
  }

  void decide(std::int64_t count) {
    for (const auto& choice : path_.take(count)) {
      pulses_.add(sound_, decided_++, choice.frequency);
      choices_.push_back(choice);
    }
  }

  void emit(std::int64_t count) {
    const auto pitch = torch::empty({count, 5});
    auto* row = pitch.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < count; ++i, row += 5) {
      const auto choice = choices_.front();
      choices_.pop_front();
      const bool is_voice = choice.frequency > 0;
      const auto perturbation = is_voice ? pulses_.around(emitted_ + i) : Perturbation{};
      row[0] = choice.frequency;
      row[1] = is_voice ? 1 : 0;
      row[2] = float(perturbation.jitter);
      row[3] = float(perturbation.shimmer);
      row[4] = float(harmonics_to_noise(choice.correlation));
    }
    rows_.push_back(torch::cat({tables_.front().slice(0, 0, count), pitch}, 1));  // [count, 64]
    tables_.pop_front();
    emitted_ += count;
  }

  Tensor taken() {
    if (rows_.empty()) return torch::zeros({0, std::int64_t(voice_columns().size())});
    auto rows = rows_.size() == 1 ? rows_.front() : torch::cat(rows_);
    rows_.clear();
    return rows;
  }

  VoiceOptions options_;
  std::int64_t hop_;
  SoundBuffer sound_;
  SpectralFrames spectral_;
  PitchFrames pitch_;
  PitchPath path_;
  PulseChain pulses_;
  bool is_finished_ = false;
  std::int64_t received_ = 0;                                              // samples
  std::int64_t total_ = 0;                                                 // frames, once all samples are known
  std::int64_t analysed_ = 0, forwarded_ = 0, decided_ = 0, emitted_ = 0;  // frames
  std::deque<Tensor> tables_;                                              // of blocks from emitted_ on
  std::deque<PitchCandidates> candidates_;                                 // of frames from forwarded_ on
  std::deque<float> peaks_;                                                // of frames from first_peak_ on
  std::int64_t first_peak_ = 0;
  std::deque<PitchChoice> choices_;  // of frames from emitted_ up to decided_
  std::vector<Tensor> rows_;         // ready and not given out yet
};

VoiceAnalyser::VoiceAnalyser(const VoiceOptions& options) : work_(std::make_unique<Work>(options)) {}
VoiceAnalyser::~VoiceAnalyser() = default;
Tensor VoiceAnalyser::add(const Tensor& samples) { return work_->add(samples); }
Tensor VoiceAnalyser::finish() { return work_->finish(); }

Tensor voice_features(const Tensor& samples, const VoiceOptions& options) {
  VoiceAnalyser analyser(options);
  const auto rows = analyser.add(samples);
  return torch::cat({rows, analyser.finish()});
}

Tensor speech_energy(const Tensor& samples, const VoiceOptions& options) {
  return speech_energy_of(voice_features(samples, options), options);
}

// The triangles of neighbouring bands add up to 1, and sum P = N mean (w x)^2 / mean w^2 / 2 over half a spectrum.
Tensor speech_energy_of(const Tensor& features, const VoiceOptions& options) {
  const auto centres = mel_centres(options.sample_rate);
  const auto first = std::lower_bound(centres.begin(), centres.end(), kSpeechLow) - centres.begin();
  const auto last = std::upper_bound(centres.begin(), centres.end(), kSpeechHigh) - centres.begin();
  const auto power = features.slice(1, first, last).exp().sum(1);  // [F]
  const auto fft_length = SpectralFrames(options.sample_rate, hop_of(options)).fft_length();
  return (power * (2.0 / double(fft_length))).sqrt();
}

}  // namespace kuda
