#include "kuda/data/sources/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/interruption.h"
#include "kuda/data/sources/mmsa_recipes.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

/// Frames [L, D] of one clip, a view.
io::Array clip_of(const io::Array& array, std::int64_t clip) {
  io::Array view = array;
  view.shape = {array.shape[1], array.shape[2]};
  view.strides = {array.strides[1], array.strides[2]};
  view.data += clip * array.strides[0] * static_cast<std::int64_t>(io::item_size(array.dtype));
  return view;
}

/// Number of frames up to the last one that has a bit set. Bits, not values: -0.0 is kept.
std::int64_t frames_up_to_last_nonzero(const io::Array& clip) {
  const io::Array dense = io::make_contiguous(clip);
  const std::size_t frame = io::item_size(dense.dtype) * static_cast<std::size_t>(dense.shape[1]);
  std::size_t end = frame * static_cast<std::size_t>(dense.shape[0]);
  std::uint64_t word = 0;
  while (end >= sizeof word && (std::memcpy(&word, dense.data + end - sizeof word, sizeof word), word == 0))
    end -= sizeof word;
  while (end > 0 && dense.data[end - 1] == std::byte{0}) --end;
  return static_cast<std::int64_t>((end + frame - 1) / frame);
}

void require_shape(const PaddedArray& part) {
  if (part.array.shape.size() != 3)
    throw DataError(part.name + ": expected 3 dimensions [N, L, D], found " + part.array.describe(),
                    recipe_for_frames(part.array.shape, false));
  const bool is_one_clip = part.array.shape[0] == 1;  // of a list, which may have no frames
  if ((part.array.shape[1] < 1 && !is_one_clip) || part.array.shape[2] < 1)
    throw DataError(part.name + ": expected at least one frame and one feature, found " + part.array.describe());
}

void require_same_width(const PaddedArray& first, const PaddedArray& part) {
  if (part.array.shape[2] != first.array.shape[2])
    throw DataError(fmt::format("feature widths differ: {} has {}, {} has {}", first.name, first.array.shape[2],
                                part.name, part.array.shape[2]));
}

/// Clips that make up some megabytes: often enough to give pages back, seldom enough to cost nothing.
std::int64_t clips_per_step(const io::Array& array) {
  const auto bytes = array.shape[1] * array.shape[2] * static_cast<std::int64_t>(io::item_size(array.dtype));
  return std::max<std::int64_t>(1, (std::int64_t{8} << 20U) / std::max<std::int64_t>(bytes, 1));
}

bool starts_with_zero_frame(std::span<const float> frames, const PackPlan& plan) {
  const auto beginning = std::size_t((plan.rows_before_words + 1) * plan.width);
  return frames.size() > beginning && all_zero(frames.first(beginning)) && !all_zero(frames);
}

/// Numbers that float32 has no place for, 1e300: finite in the file and infinite in `frames`. Takes them out of
/// `special`, which the file does not hold.
void count_beyond_float32(const io::Array& array, std::int64_t i, std::int64_t row, std::span<const float> frames,
                          NotFinite& special, PackCounts& counts) {
  if (array.dtype != io::DType::f64) return;
  io::Array clip = clip_of(array, i);
  clip.shape[0] = std::int64_t(frames.size()) / clip.shape[1];
  const auto values = clip.to_doubles();
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isinf(frames[k]) || std::isinf(values[k])) continue;
    --(frames[k] > 0 ? special.positive_infinity : special.negative_infinity);
    if (counts.beyond_float32++ > 0) continue;
    counts.first_beyond = row;
    counts.first_beyond_value = values[k];
  }
}

/// `special`: what is not finite in `frames`, and is not so in the file either.
void count_clip(std::span<const float> frames, const PackPlan& plan, std::int64_t row, NotFinite special,
                PackCounts& counts) {
  counts.not_finite += special;
  if (special.total() > 0 && counts.clips_not_finite++ == 0) counts.first_not_finite = row;
  if (starts_with_zero_frame(frames, plan)) ++counts.clips_leading_zero;
}

/// Where the frames of a clip lie in the packed values.
std::span<float> frames_in(const PackPlan& plan, float* values, std::int64_t row) {
  const auto begin = plan.offsets[std::size_t(row)], end = plan.offsets[std::size_t(row + 1)];
  return {values + begin * plan.width, std::size_t((end - begin) * plan.width)};
}

/// The same, or room of its own where nothing is kept.
std::span<float> room_for(const PackPlan& plan, float* values, std::int64_t row, std::vector<float>& own) {
  if (values != nullptr) return frames_in(plan, values, row);
  own.resize(std::size_t((plan.offsets[std::size_t(row + 1)] - plan.offsets[std::size_t(row)]) * plan.width));
  return own;
}

}  // namespace

void copy_clip(const io::Array& array, std::int64_t i, std::span<float> frames) {
  if (frames.empty()) return;
  io::Array clip = clip_of(array, i);
  clip.shape[0] = std::int64_t(frames.size()) / clip.shape[1];
  if (clip.dtype == io::DType::f32)
    io::copy_elements(clip, reinterpret_cast<std::byte*>(frames.data()));
  else
    torch::from_blob(frames.data(), clip.shape, torch::kFloat32).copy_(io::to_tensor(clip));
}

ClipPlace place_of_clip(const PackPlan& plan, std::int64_t row) {
  const auto part = std::upper_bound(plan.first_rows.begin(), plan.first_rows.end(), row) - plan.first_rows.begin() - 1;
  return {&plan.parts[std::size_t(part)], row - plan.first_rows[std::size_t(part)]};
}

PackPlan plan_packing(std::vector<PaddedArray> parts, const std::optional<std::vector<std::int64_t>>& lengths,
                      bool at_least, const ClipsDone& done) {
  PackPlan plan;
  plan.offsets.push_back(0);
  for (const PaddedArray& part : parts) {
    require_shape(part);
    require_same_width(parts.front(), part);
    plan.padded_length = std::max(plan.padded_length, part.array.shape[1]);
    plan.first_rows.push_back(std::int64_t(plan.lengths.size()));
    const std::int64_t clips = part.array.shape[0], step = clips_per_step(part.array);
    for (std::int64_t first = 0; first < clips; first += step) {
      stop_where_asked();
      const auto last = std::min(clips, first + step);
      for (auto i = first; i < last; ++i) {
        const auto nonzero = frames_up_to_last_nonzero(clip_of(part.array, i));
        auto declared = lengths ? lengths->at(plan.lengths.size()) : nonzero;
        if (at_least) declared = std::max(declared, nonzero);
        plan.lengths.push_back(declared);
        plan.offsets.push_back(plan.offsets.back() + std::max(nonzero, std::min(declared, part.array.shape[1])));
      }
      if (done) done(part, first, last);
    }
  }
  if (!parts.empty() && plan.padded_length < 1)
    throw DataError(parts.front().name + ": expected at least one frame, found " + parts.front().array.describe());
  plan.width = parts.empty() ? 0 : parts.front().array.shape[2];
  plan.parts = std::move(parts);
  return plan;
}

void give_back(const MappedFile& file, const io::Array& array, std::int64_t first, std::int64_t last) {
  const auto clip = array.strides[0] * static_cast<std::int64_t>(io::item_size(array.dtype));
  if (clip > 0 && array.data != nullptr) file.give_back(array.data + first * clip, array.data + last * clip);
}

PackCounts fill_packed(const PackPlan& plan, float* values, const ClipsDone& done, const BytesWritten& written) {
  PackCounts counts;
  Sha256 digest;
  std::vector<float> own;
  std::int64_t row = 0;
  for (const PaddedArray& part : plan.parts) {
    const std::int64_t clips = part.array.shape[0], step = clips_per_step(part.array);
    for (std::int64_t first = 0; first < clips; first += step) {
      stop_where_asked();
      const auto last = std::min(clips, first + step), first_row = row;
      for (auto i = first; i < last; ++i, ++row) {
        const auto frames = room_for(plan, values, row, own);
        copy_clip(part.array, i, frames);
        NotFinite special = count_not_finite(frames);
        if (special.total() > 0) count_beyond_float32(part.array, i, row, frames, special, counts);
        count_clip(frames, plan, row, special, counts);
        digest.update(std::as_bytes(frames));
      }
      if (done) done(part, first, last);
      const auto begin = plan.offsets[std::size_t(first_row)], end = plan.offsets[std::size_t(row)];
      if (written) written(values + begin * plan.width, values + end * plan.width);
    }
  }
  counts.digest = digest.hex();
  return counts;
}

PackCounts fill_packed(const PackPlan& plan, float* values, const ReadClip& read, const BytesWritten& written) {
  constexpr std::ptrdiff_t kStep = std::ptrdiff_t{2} << 20U;  // values: often enough to give pages back
  PackCounts counts;
  Sha256 digest;
  float *first = values, *last = values;
  for (std::int64_t row = 0; row < std::int64_t(plan.lengths.size()); ++row) {
    const auto frames = frames_in(plan, values, row);
    read(row, frames);
    count_clip(frames, plan, row, count_not_finite(frames), counts);
    digest.update(std::as_bytes(frames));
    last = frames.data() + frames.size();
    if (!written || last - first < kStep) continue;
    written(first, last);
    first = last;
  }
  if (written) written(first, last);
  counts.digest = digest.hex();
  return counts;
}

Feature empty_feature(const PackPlan& plan) {
  Feature feature;
  feature.offsets = plan.offsets;
  feature.lengths = plan.lengths;
  feature.padded_length = plan.padded_length;
  return feature;
}

}  // namespace kuda
