#include "kuda/data/sources/mmsa.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_file.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/published.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda {
namespace {

constexpr std::string_view kSeparator = "$_$";

/// The three splits. All that are missing are named at once.
std::vector<MmsaSplit> read_splits(const std::string& file, const io::Value& root) {
  if (root.kind() != io::Value::Kind::dict)
    throw DataError(fmt::format("{}: expected a dict with train, valid and test, found {}", file, root.kind_name()),
                    "this is no MMSA feature file; see docs/data-formats.md");
  std::vector<std::string> missing;
  for (const Split split : kSplits)
    if (root.find(split_name(split)) == nullptr) missing.emplace_back(split_name(split));
  if (!missing.empty())
    throw DataError(fmt::format("{}: expected the keys train, valid and test, missing: {}", file, join(missing)),
                    "this is no MMSA feature file; see docs/data-formats.md");
  std::vector<MmsaSplit> splits;
  for (const Split split : kSplits) splits.emplace_back(file, split, *root.find(split_name(split)));
  return splits;
}

bool in_every_split(const std::vector<MmsaSplit>& splits, std::string_view key) {
  const auto count =
      std::count_if(splits.begin(), splits.end(), [&](const MmsaSplit& split) { return split.has(key); });
  if (count != 0 && count != std::ptrdiff_t(splits.size()))
    for (const MmsaSplit& split : splits)
      if (!split.has(key)) throw DataError(split.where(key) + ": the key is missing, but other splits have it");
  return count != 0;
}

Clip make_clip(const std::string& id, Split split) {
  Clip clip;
  const auto at = id.rfind(kSeparator);
  clip.video_id = id.substr(0, at);
  if (at != std::string::npos) clip.clip_id = id.substr(at + kSeparator.size());
  clip.split = split;
  return clip;
}

/// Clips of all splits, one split after the other, without their features.
std::vector<Clip> read_clips(const std::vector<MmsaSplit>& splits) {
  const bool has_text = in_every_split(splits, "raw_text");
  if (!has_text && !in_every_split(splits, "text_bert") && !in_every_split(splits, "text"))
    throw DataError(splits.front().where("raw_text") + ": the key is missing, and neither text_bert nor text is there");
  PerModality<bool> unimodal{};
  for (const Modality m : kModalities)
    unimodal[m] = in_every_split(splits, fmt::format("regression_labels_{}", letter(m)));
  std::vector<Clip> clips;
  for (const MmsaSplit& split : splits) {
    const auto first = clips.size();
    for (const std::string& id : split.ids()) clips.push_back(make_clip(id, split.split()));
    const auto labels = split.labels("regression_labels", false);
    const auto texts = has_text ? split.texts("raw_text") : std::vector<std::string>(split.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      clips[first + i].label = labels[i];
      clips[first + i].text = texts[i];
    }
    for (const Modality m : kModalities) {
      if (!unimodal[m]) continue;
      const auto own = split.labels(fmt::format("regression_labels_{}", letter(m)), true);
      for (std::size_t i = 0; i < own.size(); ++i) clips[first + i].unimodal_labels[m] = own[i];
    }
  }
  return clips;
}

torch::Tensor read_token_ids(const std::vector<MmsaSplit>& splits) {
  if (!in_every_split(splits, "text_bert")) return {};
  std::vector<torch::Tensor> parts;
  std::int64_t length = 0;
  for (const MmsaSplit& split : splits) {
    parts.push_back(split.token_ids("text_bert"));
    length = std::max(length, parts.back().size(2));
  }
  for (auto& part : parts) part = torch::constant_pad_nd(part, {0, length - part.size(2)}, 0);
  return torch::cat(parts);
}

std::vector<PaddedArray> padded_arrays(const std::vector<MmsaSplit>& splits, std::string_view key) {
  std::vector<PaddedArray> parts;
  for (const MmsaSplit& split : splits) parts.push_back({split.array(key), split.where(key)});
  return parts;
}

std::optional<std::vector<std::int64_t>> declared_lengths(const std::vector<MmsaSplit>& splits, std::string_view key) {
  if (!in_every_split(splits, key)) return std::nullopt;
  std::vector<std::int64_t> all;
  for (const MmsaSplit& split : splits) {
    const auto lengths = split.lengths(key);
    all.insert(all.end(), lengths.begin(), lengths.end());
  }
  return all;
}

/// Word pieces per clip, from the attention mask.
std::optional<std::vector<std::int64_t>> text_lengths(const torch::Tensor& text_bert) {
  if (!text_bert.defined()) return std::nullopt;
  const auto sums = text_bert.select(1, 1).sum(1).contiguous();
  return std::vector<std::int64_t>(sums.data_ptr<std::int64_t>(), sums.data_ptr<std::int64_t>() + sums.numel());
}

/// Which modalities go with which keys, and how long their clips are.
PerModality<std::optional<PackPlan>> plan_features(const std::vector<MmsaSplit>& splits, Dataset& dataset,
                                                   const ClipsDone& done) {
  const auto pieces = text_lengths(dataset.text_bert);
  const bool has_lengths = in_every_split(splits, "vision_lengths") || in_every_split(splits, "audio_lengths");
  PerModality<std::vector<PaddedArray>> parts;
  if (in_every_split(splits, "text")) parts.text = padded_arrays(splits, "text");
  parts.vision = padded_arrays(splits, "vision");
  parts.audio = padded_arrays(splits, "audio");
  const auto length_of = [](const std::vector<PaddedArray>& arrays) {
    return arrays.empty() || arrays.front().array.shape.size() != 3 ? -1 : arrays.front().array.shape[1];
  };
  const auto text_length = dataset.text_bert.defined() ? dataset.text_bert.size(2) : length_of(parts.text);
  // Aligned files hold one frame per word piece and no lengths of their own.
  dataset.is_aligned = !has_lengths && text_length == length_of(parts.vision) && text_length == length_of(parts.audio);

  PerModality<std::optional<PackPlan>> plans;
  for (const Modality modality : kModalities) {
    auto& own = parts[modality];
    if (own.empty()) continue;
    auto lengths = declared_lengths(splits, fmt::format("{}_lengths", modality_name(modality)));
    const bool is_text = modality == Modality::text, has_own = lengths.has_value();
    if (!has_own && (is_text ? text_length == length_of(own) : dataset.is_aligned)) lengths = pieces;
    const bool at_least = !has_own && !is_text;  // BERT gives values at padding too, so for text the mask alone decides
    plans[modality] = plan_packing(std::move(own), lengths, at_least, done);
  }
  return plans;
}

}  // namespace

MmsaFile::MmsaFile(const std::filesystem::path& path) : path_(path), file_(MappedFile::open(path)) {
  source_sha256_ = std::async(std::launch::async, [path] { return sha256_of_file(path); });
  root_ = io::read_pickle(file_);
  done_ = [file = file_](const PaddedArray& part, std::int64_t first, std::int64_t last) {
    give_back(*file, part.array, first, last);
  };
  const auto splits = read_splits(path.filename().string(), root_);
  dataset_.source = path.string();
  dataset_.clips = read_clips(splits);
  dataset_.text_bert = read_token_ids(splits);
  plans_ = plan_features(splits, dataset_, done_);
}

void MmsaFile::warn_about(Modality modality, const Feature& feature, const PackCounts& counts) const {
  const auto name = modality_name(modality);
  std::int64_t missing = 0, beyond = 0, first_missing = -1, first_beyond = -1;
  for (std::size_t i = 0; i < feature.lengths.size(); ++i) {
    const auto length = feature.lengths[i];
    if (length == 0 && missing++ == 0) first_missing = std::int64_t(i);
    if (length > feature.padded_length && beyond++ == 0) first_beyond = std::int64_t(i);
  }
  const auto id = [&](std::int64_t row) { return dataset_.clips[std::size_t(row)].id(); };
  if (missing > 0)
    log_warning(
        "{}: {} clips declare a length of 0 (first: {}); they count as clips without {}, kept as one masked-in "
        "frame",
        name, missing, id(first_missing), name);
  if (beyond > 0)
    log_warning("{}: {} clips declare more than the {} frames stored (first: {}, {}); the length is cut to that", name,
                beyond, feature.padded_length, id(first_beyond), feature.lengths[std::size_t(first_beyond)]);
  if (counts.clips_not_finite > 0)
    log_warning("{}: {} NaN, {} +inf, {} -inf in {} clips (first: {}); the cleaning policy decides about them", name,
                counts.not_finite.nan, counts.not_finite.positive_infinity, counts.not_finite.negative_infinity,
                counts.clips_not_finite, id(counts.first_not_finite));
  if (2 * counts.clips_leading_zero > std::int64_t(dataset_.clips.size()))
    log_warning(
        "{}: {} of {} clips start with zero frames, as if padded on the left; with data.mask = \"nonzero\" the "
        "mask follows the frames instead of the lengths",
        name, counts.clips_leading_zero, dataset_.clips.size());
}

void MmsaFile::complete(const DataFacts& facts) {
  complete_facts(dataset_, facts, path_.stem().string());
  dataset_.source_sha256 = source_sha256_.get();
  if (const KnownFile* known = known_file(dataset_.source_sha256); known != nullptr && known->stand_in == "vision")
    dataset_.vision->extractor = known->extractor;
}

Dataset read_mmsa(const std::filesystem::path& path, const DataFacts& facts) {
  return MmsaFile(path).finish(facts, [](Modality, const PackPlan& plan) {
    return torch::empty({plan.num_frames(), plan.width}, torch::kFloat32);
  });
}

Dataset import_mmsa(const std::filesystem::path& path, const std::filesystem::path& folder, const DataFacts& facts) {
  PreparedFolder prepared(folder);
  MmsaFile source(path);
  import_planned(source, prepared, facts);
  return read_prepared(folder);
}

}  // namespace kuda
