#include "kuda/extract/speech/part_finder.h"

#include <algorithm>

namespace kuda {

void PartFinder::add(float probability) {
  const double now = double(count_++) * step_, next = double(count_) * step_;
  if (probability >= options_.threshold) {
    if (!begin_) begin_ = now;
    silence_.reset();
  } else if (begin_ && probability < options_.release) {
    if (!silence_) silence_ = now;
    if (now + step_ - *silence_ >= options_.shortest_silence) end_at(*silence_);
  }
  if (begin_ && !is_certain_ && silence_.value_or(now) - *begin_ >= options_.shortest_speech) begin_for_certain();
  // A pause of twice the padding leaves room for all of it.
  if (!begin_ && waiting_ && next - waiting_->end >= 2 * options_.padding) {
    waiting_->end += options_.padding;
    ready_.push_back(*std::exchange(waiting_, {}));
  }
}

/// Padding goes to the middle of the pause at most, on both sides of it.
void PartFinder::begin_for_certain() {
  is_certain_ = true;
  const double room = last_end_ ? (*begin_ - *last_end_) / 2 : *begin_;
  padded_begin_ = *begin_ - std::min(options_.padding, room);
  if (!waiting_) return;
  waiting_->end += std::min(options_.padding, std::max(room, 0.0));
  ready_.push_back(*std::exchange(waiting_, {}));
}

void PartFinder::end_at(double end) {
  if (!is_certain_ && end - *begin_ >= options_.shortest_speech) begin_for_certain();
  if (is_certain_) {
    waiting_ = {padded_begin_, end};
    last_end_ = end;
  }
  begin_.reset();
  silence_.reset();
  is_certain_ = false;
}

void PartFinder::finish(double seconds) {
  if (begin_) end_at(silence_.value_or(seconds));
  if (!waiting_) return;
  waiting_->end += std::min(options_.padding, std::max(seconds - waiting_->end, 0.0));
  ready_.push_back(*std::exchange(waiting_, {}));
}

std::optional<SpeechPart> PartFinder::open() const {
  if (!is_certain_) return std::nullopt;
  return SpeechPart{padded_begin_, silence_.value_or(double(count_ - 1) * step_)};
}

double PartFinder::nothing_before() const {
  if (is_certain_) return padded_begin_;
  if (waiting_) return waiting_->begin;
  return std::max(begin_.value_or(double(count_) * step_) - options_.padding, 0.0);
}

std::vector<SpeechPart> parts_of(const std::vector<float>& probabilities, double step, double seconds,
                                 const SpeechPartOptions& options) {
  PartFinder finder(step, options);
  for (const float probability : probabilities) finder.add(probability);
  finder.finish(seconds);
  return finder.take();
}

}  // namespace kuda
