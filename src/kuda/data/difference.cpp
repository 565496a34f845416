#include "kuda/data/difference.h"

#include <fmt/format.h>

#include <cstring>
#include <span>
#include <tuple>

#include "kuda/data/sources/fingerprint.h"

namespace kuda {
namespace {

/// memcmp, because NaN is not equal to itself.
bool same_bytes(std::span<const float> first, std::span<const float> second) {
  return first.size() == second.size() &&
         (first.empty() || std::memcmp(first.data(), second.data(), first.size_bytes()) == 0);
}

bool same_pieces(const torch::Tensor& first, const torch::Tensor& second) {
  return first.defined() == second.defined() && (!first.defined() || torch::equal(first, second));
}

}  // namespace

std::string first_difference(const Dataset& first, const Dataset& second) {
  const auto facts = [](const Dataset& d) {
    return std::tie(d.family, d.score_low, d.score_high, d.language, d.is_aligned);
  };
  if (facts(first) != facts(second)) return "metric family, score range, language or alignment";
  if (clips_digest(first) != clips_digest(second)) return "clips";
  if (!same_pieces(first.text_bert, second.text_bert)) return "text_bert";
  for (const Modality modality : kModalities) {
    const auto &one = first.feature(modality), &other = second.feature(modality);
    if (!one && !other) continue;
    if (!one || !other || one->width() != other->width() || one->lengths != other->lengths ||
        one->padded_length != other->padded_length)
      return std::string(modality_name(modality));
    for (std::size_t row = 0; row < first.clips.size(); ++row) {
      const auto mine = one->clip(std::int64_t(row)).contiguous(), its = other->clip(std::int64_t(row)).contiguous();
      const std::span<const float> my_frames(mine.const_data_ptr<float>(), std::size_t(mine.numel()));
      const std::span<const float> its_frames(its.const_data_ptr<float>(), std::size_t(its.numel()));
      if (!same_bytes(my_frames, its_frames))
        return fmt::format("{} of clip '{}'", modality_name(modality), first.clips[row].id());
    }
  }
  return {};
}

}  // namespace kuda
