#include "kuda/data/input_range.h"

#include <algorithm>
#include <cmath>

#include "kuda/data/frames_in_file.h"

namespace kuda {
namespace {

float largest_of(std::span<const float> values) noexcept {
  float largest = 0;
  for (const float value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

std::span<const float> frames_of_clip(const Feature& feature, std::int64_t row) {
  const auto i = static_cast<std::size_t>(row);
  const auto begin = feature.offsets.at(i) * feature.width(), end = feature.offsets.at(i + 1) * feature.width();
  return {packed(feature).const_data_ptr<float>() + begin, static_cast<std::size_t>(end - begin)};
}

PerModality<float> largest_inputs(const Dataset& dataset) {
  PerModality<float> largest;
  const auto rows = dataset.rows(Split::train);
  for (const Modality modality : kModalities)
    if (const auto& feature = dataset.feature(modality))
      for (const auto row : rows)
        largest[modality] = std::max(largest[modality], largest_of(frames_of_clip(*feature, row)));
  return largest;
}

bool is_far(std::span<const float> frames, float largest) noexcept {
  constexpr float kTimes = 10;
  return largest > 0 && std::any_of(frames.begin(), frames.end(), [&](float value) {
           return std::isfinite(value) && std::abs(value) / kTimes > largest;
         });
}

}  // namespace kuda
