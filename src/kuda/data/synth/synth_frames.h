#pragma once
// Vision and audio of a synthetic clip: frames that carry the sentiment and a clarity signal while the speaker is
// active (docs/synthetic.md, equations 6 to 9).
//
//   const FrameRule rule("audio", 16);
//   rule.draw(random, speaker, sentiment, role, length, out);   // out: [length, 16] float32
//   const FrameEvidence seen = rule.read(out, length);

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/data/synth/synth_rule.h"

namespace kuda {

/// What a reader who knows the patterns finds in a sequence.
struct FrameEvidence {
  double sentiment = 0;  ///< estimate of the sentiment in units of [-1, 1], unbiased if activity is found
  double clarity = 0;    ///< estimate of +1 (dominant), 0 (support), -1 (noise)
  double active = 0;     ///< frames taken as active
};

class FrameRule {
 public:
  static constexpr int kMaxHidden = 12;
  using Hidden = std::array<float, kMaxHidden>;

  /// Patterns depend on modality and width alone, so that every seed of clips speaks the same language. width >= 4.
  FrameRule(std::string_view modality, std::int64_t width);

  [[nodiscard]] std::int64_t width() const noexcept { return width_; }
  /// Constant offset of one speaker (video) on the directions that carry neither sentiment nor clarity.
  [[nodiscard]] Hidden draw_speaker(Random& random) const;
  /// Writes `length` frames, row-major [length, width].
  void draw(Random& random, const Hidden& speaker, double sentiment, SynthRole role, std::int64_t length,
            float* out) const;
  [[nodiscard]] FrameEvidence read(const float* frames, std::int64_t length) const;
  /// Variance of FrameEvidence::sentiment and ::clarity given the number of active frames.
  [[nodiscard]] static double sentiment_variance(double active) noexcept;
  [[nodiscard]] static double clarity_variance(double active) noexcept;

 private:
  std::int64_t width_;
  int hidden_;                   ///< K = min(12, width)
  std::vector<float> patterns_;  ///< [K, width], orthogonal rows of squared length width / K
  std::vector<float> offset_;    ///< [width]
};

}  // namespace kuda
