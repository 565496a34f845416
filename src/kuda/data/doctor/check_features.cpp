#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

#include "kuda/data/doctor/check_parts.h"
#include "kuda/data/finite.h"
#include "kuda/data/input_range.h"

namespace kuda {
namespace {

using Ids = std::vector<std::string>;

/// What one pass over the clips of a modality sees.
struct Seen {
  NotFinite not_finite;
  Ids not_finite_clips, zero_length, all_zero, beyond_array, beyond_length, leading_zero;
  std::vector<bool> varies;  ///< by feature: some value differs from the first one
};

std::int64_t leading_zero_frames(std::span<const float> frames, std::size_t width) {
  std::int64_t count = 0;
  while (frames.size() >= width && all_zero(frames.first(width))) {
    frames = frames.subspan(width);
    ++count;
  }
  return count;
}

void look_at_values(std::span<const float> frames, std::span<const float> first, std::vector<bool>& varies) {
  const auto width = varies.size();
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (frames[i] != first[i % width]) varies[i % width] = true;
}

Seen look_at(const Dataset& data, const Feature& feature) {
  Seen seen;
  const auto before_words = rows_before_words(data);
  const auto width = std::size_t(feature.width());
  seen.varies.assign(width, false);
  std::span<const float> first;
  for (std::size_t row = 0; row < data.clips.size(); ++row) {
    const auto frames = frames_of_clip(feature, std::int64_t(row));
    const auto id = data.clips[row].id();
    const auto length = feature.lengths[row];
    const auto stored = std::int64_t(frames.size() / width);
    const auto special = count_not_finite(frames);
    seen.not_finite += special;
    if (special.total() > 0) seen.not_finite_clips.push_back(id);
    if (length == 0) seen.zero_length.push_back(id);
    if (length > feature.padded_length) seen.beyond_array.push_back(id);
    const bool is_zero = all_zero(frames);
    if (is_zero && length > 0) seen.all_zero.push_back(id);
    if (!is_zero && length < stored) seen.beyond_length.push_back(id);
    if (!is_zero && leading_zero_frames(frames, width) > before_words) seen.leading_zero.push_back(id);
    if (data.clips[row].split != Split::train || frames.empty()) continue;
    const auto real = frames.first(std::size_t(std::min(stored, std::max<std::int64_t>(length, 1))) * width);
    if (first.empty()) first = real.first(width);
    look_at_values(real, first, seen.varies);
  }
  if (first.empty()) seen.varies.assign(width, true);  // nothing to train on: nothing to say
  return seen;
}

void report(const Seen& seen, const Feature& feature, const std::string& name, std::size_t clips, Findings& findings) {
  const auto add = [&](Severity severity, const char* key, const Ids& ids, const std::string& what) {
    if (!ids.empty()) findings.add(severity, key, name, fmt::format("{} of {} clips {}", ids.size(), clips, what), ids);
  };
  if (seen.not_finite.total() > 0)
    findings.add(
        Severity::warning, "not_finite", name,
        fmt::format("{} NaN, {} +inf, {} -inf in {} clips; data.clean decides about them", seen.not_finite.nan,
                    seen.not_finite.positive_infinity, seen.not_finite.negative_infinity, seen.not_finite_clips.size()),
        seen.not_finite_clips);
  add(Severity::warning, "zero_length", seen.zero_length,
      fmt::format("declare a length of 0: they have no {} and stay, with one zero frame", name));
  add(Severity::warning, "all_zero", seen.all_zero, "are zero throughout although they declare frames");
  add(Severity::warning, "length_beyond_array", seen.beyond_array,
      fmt::format("declare more than the {} frames of the array; the length is cut", feature.padded_length));
  add(Severity::warning, "frames_beyond_length", seen.beyond_length,
      "have non-zero frames beyond their declared length; the mask hides them");
  const bool most = 2 * seen.leading_zero.size() > clips;
  add(most ? Severity::warning : Severity::note, "leading_zero_frames", seen.leading_zero,
      most ? "start with zero frames: padded on the left? data.mask = \"nonzero\" follows the frames"
           : "start with zero frames");
  const auto constant = std::count(seen.varies.begin(), seen.varies.end(), false);
  if (constant > 0)
    findings.add(Severity::note, "constant_features", name,
                 fmt::format("{} of {} features never change in training; standardising sets them to 0", constant,
                             seen.varies.size()));
}

/// Text and the bytes of vision and audio of a clip; nothing where there is no content to compare.
std::string content_key(const Dataset& data, std::size_t row) {
  std::string key = data.clips[row].text;
  bool any = !key.empty();
  for (const auto* feature : {&data.vision, &data.audio}) {
    if (!*feature) continue;
    const auto frames = frames_of_clip(**feature, std::int64_t(row));
    if (all_zero(frames)) continue;
    any = true;
    const std::string_view bytes(reinterpret_cast<const char*>(frames.data()), frames.size_bytes());
    key += fmt::format("|{}:{}", bytes.size(), std::hash<std::string_view>{}(bytes));
  }
  return any ? key : std::string();
}

void check_copies(const Dataset& data, Findings& findings) {
  if (!data.vision && !data.audio) return;  // equal short texts alone are common
  std::map<std::string, std::size_t> first_of;
  Ids copies;
  std::int64_t across = 0;
  for (std::size_t row = 0; row < data.clips.size(); ++row) {
    const auto key = content_key(data, row);
    if (key.empty()) continue;
    const auto [found, is_new] = first_of.emplace(key, row);
    if (is_new) continue;
    copies.push_back(data.clips[row].id());
    across += data.clips[found->second].split != data.clips[row].split ? 1 : 0;
  }
  if (!copies.empty())
    findings.add(Severity::warning, "duplicate_content", "",
                 fmt::format("{} clips have text and features of another clip, {} of them in another split",
                             copies.size(), across),
                 copies);
}

}  // namespace

void check_features(const Dataset& data, Findings& findings) {
  for (const Modality modality : kModalities) {
    const auto& feature = data.feature(modality);
    const std::string name(modality_name(modality));
    if (feature)
      report(look_at(data, *feature), *feature, name, data.clips.size(), findings);
    else if (modality != Modality::text)
      findings.add(Severity::note, "no_features", name, fmt::format("the data set has no {}", name));
  }
  check_copies(data, findings);
}

}  // namespace kuda
