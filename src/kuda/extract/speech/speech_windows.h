#pragma once
// Long sound in windows that Whisper takes at once, cut where nobody speaks.
//
//   for (const auto& window : speech_windows(samples, parts, 28)) hear(sound_of(samples, window), window.parts);

#include <torch/torch.h>

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

/// The samples of a window.
[[nodiscard]] torch::Tensor sound_of(const torch::Tensor& samples, const SpeechWindow& window);

/// Times of words inside the parts they were said in: the recogniser knows nothing of pauses, and lets a word last
/// until the next begins. Order stays, and no word begins before the one in front ends.
void fit_into(const std::vector<SpeechPart>& parts, std::vector<SpokenWord>& words);

}  // namespace kuda
