#pragma once
// Long sound in windows that Whisper takes at once, cut where nobody speaks.
//
//   for (const auto& window : speech_windows(samples, parts, 28)) hear(sound_of(samples, window), window.parts);

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "kuda/extract/speech/speech.h"

namespace kuda {

/// Seconds of the whole sound. `begin` and `end` lie a little outside the parts, but never in another window's.
struct SpeechWindow {
  double begin = 0, end = 0;
  std::vector<SpeechPart> parts;
  [[nodiscard]] double spoken() const;  ///< seconds of its parts
};

/// Windows whose parts span at most `longest` seconds. A pause of more than two seconds begins a new one; a part that
/// is longer than `longest` is cut where its last third is most quiet. Parts outside the samples are left out.
[[nodiscard]] std::vector<SpeechWindow> speech_windows(const torch::Tensor& samples,
                                                       const std::vector<SpeechPart>& parts, double longest);

/// The same from parts as they are found: a window comes out when nothing that follows changes it.
class WindowFinder {
 public:
  /// The samples from one place up to another of the whole sound.
  using Sound = std::function<torch::Tensor(std::int64_t from, std::int64_t to)>;
  WindowFinder(double longest, Sound sound) : longest_(longest), sound_(std::move(sound)) {}
  /// In order; inside the sound.
  void add(const SpeechPart& part);
  /// A part that ends at `part.end` or later; `add` gets it when its end is known.
  void goes_on(const SpeechPart& part);
  /// No part that was not added, but one that goes on, begins before this second.
  void nothing_before(double seconds);
  void finish(double seconds);
  [[nodiscard]] std::vector<SpeechWindow> take() { return std::exchange(ready_, {}); }
  /// The second before which no window that is to come, nor a cut, looks at the sound.
  [[nodiscard]] double needed_from() const;

 private:
  double cut(double begin, double end);
  void join(const SpeechPart& part);
  void close(double next);

  double longest_;
  Sound sound_;
  SpeechWindow window_;        // whose parts are not complete; none: there is no window
  std::optional<double> cut_;  // where the part that goes on was cut last
  double before_ = 0;          // end of the window in front
  double frontier_ = 0;        // no part that is to come begins before
  std::vector<SpeechWindow> ready_;
};

[[nodiscard]] std::int64_t sample_at(double seconds);

/// The samples of a window.
[[nodiscard]] torch::Tensor sound_of(const torch::Tensor& samples, const SpeechWindow& window);

/// Times of words inside the parts they were said in: the recogniser knows nothing of pauses, and lets a word last
/// until the next begins. Order stays, and no word begins before the one in front ends.
void fit_into(const std::vector<SpeechPart>& parts, std::vector<SpokenWord>& words);

}  // namespace kuda
