#include "kuda/extract/speech/speech_windows.h"

#include <algorithm>
#include <cmath>

#include "kuda/extract/speech/log_mel.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kMargin = 0.2;        // seconds of sound around the parts of a window
constexpr double kLongestPause = 2.0;  // seconds within a window

std::int64_t sample_at(double seconds) { return std::llround(seconds * double(kSampleRate)); }

/// The middle of the most quiet tenth of a second between two times.
double quietest(const Tensor& samples, double from, double to) {
  constexpr std::int64_t kLength = kSampleRate / 10;
  const auto sound = samples.slice(0, sample_at(from), sample_at(to));
  if (sound.size(0) < kLength) return to;
  const auto energy = sound.unfold(0, kLength, kLength / 2).square().mean(1);
  return from + double(energy.argmin().item<std::int64_t>() * kLength / 2 + kLength / 2) / double(kSampleRate);
}

std::vector<SpeechPart> cut_parts(const Tensor& samples, const std::vector<SpeechPart>& parts, double longest) {
  const double seconds = double(samples.size(0)) / double(kSampleRate);
  std::vector<SpeechPart> all;
  for (auto part : parts) {
    part.begin = std::max(part.begin, 0.0);
    part.end = std::min(part.end, seconds);
    while (part.end - part.begin > longest) {
      const double cut = quietest(samples, part.begin + longest * 2 / 3, part.begin + longest);
      all.push_back({part.begin, cut});
      part.begin = cut;
    }
    if (part.end > part.begin) all.push_back(part);
  }
  return all;
}

}  // namespace

double SpeechWindow::spoken() const {
  double seconds = 0;
  for (const auto& part : parts) seconds += part.end - part.begin;
  return seconds;
}

std::vector<SpeechWindow> speech_windows(const Tensor& samples, const std::vector<SpeechPart>& parts, double longest) {
  std::vector<SpeechWindow> windows;
  for (const auto& part : cut_parts(samples, parts, longest)) {
    const bool joins = !windows.empty() && part.end - windows.back().parts.front().begin <= longest &&
                       part.begin - windows.back().parts.back().end <= kLongestPause;
    if (!joins) windows.emplace_back();
    windows.back().parts.push_back(part);
  }
  double before = 0;  // end of the window in front
  for (std::size_t i = 0; i < windows.size(); ++i) {
    auto& window = windows[i];
    const double end = window.parts.back().end;
    const double after = i + 1 < windows.size() ? (end + windows[i + 1].parts.front().begin) / 2
                                                : double(samples.size(0)) / double(kSampleRate);
    window.begin = std::max(window.parts.front().begin - kMargin, before);
    window.end = std::min(end + kMargin, after);
    before = window.end;
  }
  return windows;
}

Tensor sound_of(const Tensor& samples, const SpeechWindow& window) {
  return samples.slice(0, sample_at(window.begin), sample_at(window.end));
}

void fit_into(const std::vector<SpeechPart>& parts, std::vector<SpokenWord>& words) {
  double before = parts.front().begin;
  for (auto& word : words) {
    const auto here = std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.end > word.begin; });
    const auto last =
        std::find_if(parts.rbegin(), parts.rend(), [&](const auto& part) { return part.begin < word.end; });
    word.begin = here == parts.end() ? parts.back().end : std::max(word.begin, here->begin);
    if (last != parts.rend()) word.end = std::min(word.end, last->end);
    word.begin = std::max(word.begin, before);
    word.end = std::max(word.end, word.begin);
    before = word.end;
  }
}

}  // namespace kuda
