#include "kuda/data/cleaning.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/interruption.h"
#include "kuda/base/names.h"

namespace kuda {
namespace {

CleanClip drop_frames(const torch::Tensor& frames, std::int64_t length) {
  const auto keep = frames.isfinite().all(1);  // [S]
  CleanClip clean;
  clean.frames = frames.index({keep}).contiguous();
  clean.dropped = frames.size(0) - clean.frames.size(0);
  const auto inside = std::min(length, frames.size(0));
  clean.length = length - (inside - keep.slice(0, 0, inside).sum().item<std::int64_t>());
  return clean;
}

std::string effect_of(CleanPolicy policy) {
  switch (policy) {
    case CleanPolicy::zero:
      return "set to 0";
    case CleanPolicy::drop_frame:
      return "their frames are left out";
    case CleanPolicy::mean:
      return "set to the mean of the training split";
    case CleanPolicy::fail:
      return "refused";
    case CleanPolicy::minus_inf_only:
      return "-inf set to 0, NaN and +inf kept";
  }
  return "";
}

CleaningCounts::OfFeature count_feature(const Dataset& dataset, const Feature& feature, CleanPolicy policy) {
  CleaningCounts::OfFeature counts;
  for (std::size_t i = 0; i < dataset.clips.size(); ++i) {
    stop_where_asked();
    const bool is_finite = feature.finite == Finite::yes;
    const auto frames = is_finite ? torch::Tensor() : feature.clip(std::int64_t(i));
    const auto special = is_finite ? NotFinite() : count_not_finite(frames);
    auto length = feature.lengths[i];
    if (length > feature.padded_length) ++counts.lengths_cut;
    if (special.total() > 0) {
      counts.not_finite += special;
      ++counts.clips_affected;
      if (counts.first_clips.size() < 5) counts.first_clips.push_back(dataset.clips[i].id());
      if (policy == CleanPolicy::drop_frame) {
        const auto clean = drop_frames(frames, length);
        counts.frames_dropped += clean.dropped;
        length = clean.length;
      }
    }
    if (length == 0) ++counts.clips_missing;
  }
  return counts;
}

std::string values_line(std::string_view name, const CleaningCounts::OfFeature& counts) {
  return fmt::format("{}: {} NaN, {} +inf, {} -inf in {} clips ({}{})", name, counts.not_finite.nan,
                     counts.not_finite.positive_infinity, counts.not_finite.negative_infinity, counts.clips_affected,
                     join(counts.first_clips),
                     counts.clips_affected > std::int64_t(counts.first_clips.size()) ? ", ..." : "");
}

}  // namespace

CleanClip clean_frames(const torch::Tensor& frames, std::int64_t length, CleanPolicy policy,
                       const torch::Tensor& mean) {
  CleanClip clean{frames, length, 0};
  const auto special = count_not_finite(frames);
  if (special.total() == 0) return clean;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (policy) {
    case CleanPolicy::zero:
      clean.frames = frames.nan_to_num(0.0, 0.0, 0.0);
      break;
    case CleanPolicy::drop_frame:
      return drop_frames(frames, length);
    case CleanPolicy::mean:
      clean.frames = torch::where(frames.isfinite(), frames, mean.expand_as(frames));
      break;
    case CleanPolicy::fail:
      throw DataError(fmt::format("{} values are not finite", special.total()), "data.clean names other policies");
    case CleanPolicy::minus_inf_only:
      clean.frames = frames.masked_fill(frames == -kInfinity, 0.0);
      break;
  }
  return clean;
}

CleaningCounts count_cleaning(const Dataset& dataset, const DataConfig& config) {
  CleaningCounts counts;
  counts.clips = std::int64_t(dataset.clips.size());
  const auto policy = config.clean;
  for (const Modality modality : kModalities) {
    const auto& feature = dataset.feature(modality);
    if (!feature || !config.uses(modality)) continue;
    auto& own = counts.modality[modality];
    own = count_feature(dataset, *feature, policy);
    if (policy == CleanPolicy::fail && own.clips_affected > 0)
      throw DataError(values_line(modality_name(modality), own), "data.clean names policies that repair them");
  }
  const auto outside = [&](float label) {
    return label < float(dataset.score_low) || label > float(dataset.score_high);
  };
  for (const Clip& clip : dataset.clips)
    counts.labels_out_of_range += (outside(clip.label) ? 1 : 0) +
                                  std::count_if(clip.unimodal_labels.begin(), clip.unimodal_labels.end(), outside);
  return counts;
}

std::vector<std::string> describe(const CleaningCounts& counts, const DataConfig& config) {
  std::vector<std::string> lines;
  for (const Modality modality : kModalities) {
    const auto& own = counts.modality[modality];
    const auto name = modality_name(modality);
    if (own.clips_affected > 0) lines.push_back(values_line(name, own) + ": " + effect_of(config.clean));
    if (own.frames_dropped > 0) lines.push_back(fmt::format("{}: {} frames left out", name, own.frames_dropped));
    if (own.clips_missing > 0)
      lines.push_back(fmt::format("{}: {} of {} clips have none; they stay, with one zero frame", name,
                                  own.clips_missing, counts.clips));
    if (own.lengths_cut > 0)
      lines.push_back(fmt::format("{}: {} declared lengths are beyond the array and were cut", name, own.lengths_cut));
  }
  if (counts.labels_out_of_range > 0)
    lines.push_back(fmt::format("{} labels lie outside the score range: {}", counts.labels_out_of_range,
                                config.labels == LabelRule::clip ? "clipped" : "kept"));
  return lines;
}

}  // namespace kuda
