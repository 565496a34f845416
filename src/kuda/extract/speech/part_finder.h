#pragma once
// Where somebody speaks, from probabilities that come one by one: what is certain comes out at once.
//
//   PartFinder finder(0.032, options);
//   for (const float probability : probabilities) finder.add(probability);
//   finder.finish(seconds);
//   use(finder.take());                                  // or now and then on the way

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "kuda/extract/speech/speech.h"

namespace kuda {

class PartFinder {
 public:
  /// `step`: seconds that a probability stands for.
  PartFinder(double step, const SpeechPartOptions& options) : step_(step), options_(options) {}
  void add(float probability);
  /// The sound lasts that long; nothing is added afterwards.
  void finish(double seconds);
  /// Parts that no later sound changes, those taken before left out.
  [[nodiscard]] std::vector<SpeechPart> take() { return std::exchange(ready_, {}); }
  /// The part that goes on, if there is one for certain: it ends at `end` or later.
  [[nodiscard]] std::optional<SpeechPart> open() const;
  /// No part beside those taken and the one that goes on begins before this second.
  [[nodiscard]] double nothing_before() const;

 private:
  void begin_for_certain();
  void end_at(double end);

  double step_;
  SpeechPartOptions options_;
  std::int64_t count_ = 0;                 // probabilities so far
  std::optional<double> begin_, silence_;  // of the part that goes on, and of the silence in it, as they were heard
  bool is_certain_ = false;                // it is long enough to be a part
  double padded_begin_ = 0;                // of a certain one
  std::optional<double> last_end_;         // as it was heard, of the part before
  std::optional<SpeechPart> waiting_;      // the part before, as long as its padding depends on what comes
  std::vector<SpeechPart> ready_;
};

}  // namespace kuda
