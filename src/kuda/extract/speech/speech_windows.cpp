#include "kuda/extract/speech/speech_windows.h"

#include <algorithm>
#include <cmath>

#include "kuda/extract/speech/log_mel.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kMargin = 0.2;        // seconds of sound around the parts of a window
constexpr double kLongestPause = 2.0;  // seconds within a window

/// The middle of the most quiet tenth of a second of a sound that begins at `from`; `to` where it is shorter.
double quietest(const Tensor& sound, double from, double to) {
  constexpr std::int64_t kLength = kSampleRate / 10;
  if (sound.size(0) < kLength) return to;
  const auto energy = sound.unfold(0, kLength, kLength / 2).square().mean(1);
  return from + double(energy.argmin().item<std::int64_t>() * kLength / 2 + kLength / 2) / double(kSampleRate);
}

}  // namespace

std::int64_t sample_at(double seconds) { return std::llround(seconds * double(kSampleRate)); }

double SpeechWindow::spoken() const {
  double seconds = 0;
  for (const auto& part : parts) seconds += part.end - part.begin;
  return seconds;
}

/// Cuts a part that ends at `end` or later as far as that is certain -> the begin of the rest.
double WindowFinder::cut(double begin, double end) {
  while (end - begin > longest_) {
    const double from = begin + longest_ * 2 / 3, to = begin + longest_;
    const double where = quietest(sound_(sample_at(from), sample_at(to)), from, to);
    join({begin, where});
    begin = where;
  }
  return begin;
}

void WindowFinder::goes_on(const SpeechPart& part) { cut_ = cut(cut_.value_or(part.begin), part.end); }

void WindowFinder::add(const SpeechPart& part) {
  const double begin = cut(cut_.value_or(part.begin), part.end);
  cut_.reset();
  if (part.end > begin) join({begin, part.end});
}

void WindowFinder::join(const SpeechPart& part) {
  const bool joins = !window_.parts.empty() && part.end - window_.parts.front().begin <= longest_ &&
                     part.begin - window_.parts.back().end <= kLongestPause;
  if (!joins && !window_.parts.empty()) close((window_.parts.back().end + part.begin) / 2);
  window_.parts.push_back(part);
}

/// `next`: as far as the window may reach.
void WindowFinder::close(double next) {
  window_.begin = std::max(window_.parts.front().begin - kMargin, before_);
  window_.end = std::min(window_.parts.back().end + kMargin, next);
  before_ = window_.end;
  ready_.push_back(std::exchange(window_, {}));
}

void WindowFinder::nothing_before(double seconds) {
  frontier_ = seconds;
  static_assert(kLongestPause > 2 * kMargin, "the margin of a window that ends so is not cut");
  if (!window_.parts.empty() && !cut_ && seconds - window_.parts.back().end > kLongestPause)
    close((window_.parts.back().end + seconds) / 2);
}

void WindowFinder::finish(double seconds) {
  if (!window_.parts.empty()) close(seconds);
}

double WindowFinder::needed_from() const {
  return std::max((window_.parts.empty() ? frontier_ : window_.parts.front().begin) - kMargin, before_);
}

std::vector<SpeechWindow> speech_windows(const Tensor& samples, const std::vector<SpeechPart>& parts, double longest) {
  const double seconds = double(samples.size(0)) / double(kSampleRate);
  WindowFinder finder(longest, [&](std::int64_t from, std::int64_t to) { return samples.slice(0, from, to); });
  for (const auto& part : parts) finder.add({std::max(part.begin, 0.0), std::min(part.end, seconds)});
  finder.finish(seconds);
  return finder.take();
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
