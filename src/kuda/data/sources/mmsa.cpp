#include "kuda/data/sources/mmsa.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_file.h"
#include "kuda/data/sources/mmsa_frames.h"
#include "kuda/data/sources/mmsa_recipes.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/sources/published.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda {
namespace {

constexpr std::string_view kSeparator = "$_$";

constexpr const char* kNoFeatureFile = "this is no feature file; see docs/data-formats.md";

std::string or_else(std::string recipe) { return recipe.empty() ? kNoFeatureFile : std::move(recipe); }

std::vector<std::string> text_keys(const io::Value& dict) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : dict.entries())
    if (key.kind() == io::Value::Kind::text && keys.size() < 12) keys.push_back(key.text());
  return keys;
}

/// What stands under each split of the file; nullptr where it has none.
std::array<const io::Value*, 3> find_splits(const std::string& file, const io::Value& root) {
  std::array<const io::Value*, 3> found{};
  std::array<std::string, 3> names;
  for (const auto& [key, value] : root.entries()) {
    if (key.kind() != io::Value::Kind::text && key.kind() != io::Value::Kind::bytes) continue;
    const auto split = split_of_key(key.text());
    if (!split) {
      if (value.kind() == io::Value::Kind::dict && value.find("id") != nullptr)
        log_warning("{}: '{}' holds clips, but names no split: it is not used", file, key.text());
      continue;
    }
    const auto i = std::size_t(*split);
    if (found[i] != nullptr)
      throw DataError(
          fmt::format("{}: '{}' and '{}' both name the split {}", file, names[i], key.text(), split_name(*split)));
    found[i] = &value;
    names[i] = key.text();
    if (key.text() != split_name(*split)) log_info("{}: '{}' is read as {}", file, key.text(), split_name(*split));
  }
  return found;
}

/// The splits that the file has: at least one, in order, so that files to be scored need no others.
std::vector<MmsaSplit> read_splits(const std::string& file, const io::Value& root) {
  if (root.kind() != io::Value::Kind::dict)
    throw DataError(fmt::format("{}: expected a dict with train, valid and test, found {}", file, found(root)),
                    or_else(recipe_for_clips(root, true)));
  const auto contents = find_splits(file, root);
  std::vector<MmsaSplit> splits;
  for (const Split split : kSplits)
    if (const auto* content = contents[std::size_t(split)]) splits.emplace_back(file, split, *content);
  if (!splits.empty()) return splits;
  for (const char* key : {"vision", "audio", "text", "text_bert", "raw_text"})
    if (const auto* column = root.find(key); column != nullptr) {
      if (column->kind() == io::Value::Kind::dict)
        throw DataError(fmt::format("{}: {}: expected one entry a clip, found a dict", file, key),
                        or_else(recipe_for_dict(root)));
      log_info("{}: no splits: all of it is read as test", file);
      return {MmsaSplit::without_splits(file, root)};
    }
  const auto keys = text_keys(root);
  throw DataError(
      fmt::format("{}: expected the keys train, valid and test, or those of clips (id, vision, audio, ...), "
                  "found {}",
                  file, keys.empty() ? "none" : join(keys)),
      or_else(recipe_for_dict(root)));
}

/// Whether all splits that have clips have the key. Throws DataError when only some do.
bool in_every_split(const std::vector<MmsaSplit>& splits, std::string_view key) {
  const auto has = [&](const MmsaSplit& split) { return split.size() == 0 || split.has(key); };
  const bool any = std::any_of(splits.begin(), splits.end(),
                               [&](const MmsaSplit& split) { return split.size() > 0 && split.has(key); });
  if (!any) return false;
  for (const MmsaSplit& split : splits)
    if (!has(split)) throw DataError(split.where(key) + ": the key is missing, but other splits have it");
  return true;
}

Clip make_clip(const std::string& id, Split split) {
  Clip clip;
  const auto at = id.rfind(kSeparator);
  clip.video_id = id.substr(0, at);
  if (at != std::string::npos) clip.clip_id = id.substr(at + kSeparator.size());
  clip.split = split;
  return clip;
}

/// Files of MulT's authors say `labels`, [N, 1, 1]; where it holds more than one number a clip, it is something else.
std::string_view label_key(const MmsaSplit& split) {
  constexpr std::string_view kKey = "regression_labels", kOther = "labels";
  if (split.has(kKey) || !split.has(kOther)) return kKey;
  const io::Value& other = split.column(kOther);
  return is_sequence(other) ||
                 (other.kind() == io::Value::Kind::array && other.array().numel() == std::int64_t(split.size()))
             ? kOther
             : kKey;
}

/// Labels of a split: unknown where it has none.
std::vector<float> labels_of(const MmsaSplit& split, std::string_view key) {
  return split.has(key) ? split.labels(key) : std::vector<float>(split.size(), kUnknown);
}

/// Clips of all splits, one split after the other, without their features.
std::vector<Clip> read_clips(const std::vector<MmsaSplit>& splits) {
  const bool has_text = in_every_split(splits, "raw_text");
  std::vector<Clip> clips;
  std::vector<std::string> without_labels;
  for (const MmsaSplit& split : splits) {
    const auto first = clips.size();
    for (const std::string& id : split.ids()) clips.push_back(make_clip(id, split.split()));
    const auto labels = labels_of(split, label_key(split));
    const auto texts =
        has_text && split.has("raw_text") ? split.texts("raw_text") : std::vector<std::string>(split.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      clips[first + i].label = labels[i];
      clips[first + i].text = texts[i];
    }
    if (split.size() > 0 && !split.has(label_key(split))) without_labels.emplace_back(split_name(split.split()));
    for (const Modality m : kModalities) {
      const auto own = labels_of(split, fmt::format("regression_labels_{}", letter(m)));
      for (std::size_t i = 0; i < own.size(); ++i) clips[first + i].unimodal_labels[m] = own[i];
    }
  }
  if (!without_labels.empty())
    log_info("no regression_labels in {}: these clips can be scored, not trained on", join(without_labels));
  return clips;
}

torch::Tensor read_token_ids(const std::vector<MmsaSplit>& splits) {
  if (!in_every_split(splits, "text_bert")) return {};
  std::vector<torch::Tensor> parts;
  std::int64_t length = 0;
  for (const MmsaSplit& split : splits) {
    if (split.size() == 0) continue;
    parts.push_back(split.token_ids("text_bert"));
    length = std::max(length, parts.back().size(2));
  }
  for (auto& part : parts) part = torch::constant_pad_nd(part, {0, length - part.size(2)}, 0);
  return torch::cat(parts);
}

/// Those of all splits, one after the other.
MmsaFrames all_frames(const std::vector<MmsaSplit>& splits, std::string_view key) {
  MmsaFrames all;
  if (!in_every_split(splits, key)) return all;
  for (const MmsaSplit& split : splits) {
    if (!split.has(key)) continue;
    auto own = read_frames(split, key);
    all.is_ragged = all.is_ragged || own.is_ragged;
    for (auto& part : own.parts) all.parts.push_back(std::move(part));
  }
  return all;
}

std::optional<std::vector<std::int64_t>> declared_lengths(const std::vector<MmsaSplit>& splits, std::string_view key) {
  if (!in_every_split(splits, key)) return std::nullopt;
  std::vector<std::int64_t> all;
  for (const MmsaSplit& split : splits) {
    if (!split.has(key)) continue;
    const auto lengths = split.lengths(key);
    all.insert(all.end(), lengths.begin(), lengths.end());
  }
  return all;
}

/// Says which key that is not read is nearly one that is, and is absent.
void warn_of_near_keys(const std::string& file, const std::vector<MmsaSplit>& splits) {
  static const std::vector<std::string> known{"raw_text", "text", "text_bert", "vision", "audio", "regression_labels"};
  static const std::map<std::string, std::string> others{{"visual", "vision"},
                                                         {"video", "vision"},
                                                         {"acoustic", "audio"},
                                                         {"speech", "audio"},
                                                         {"transcript", "raw_text"},
                                                         {"text_raw", "raw_text"},
                                                         {"sentence", "raw_text"},
                                                         {"sentences", "raw_text"},
                                                         {"label", "regression_labels"},
                                                         {"score", "regression_labels"},
                                                         {"scores", "regression_labels"},
                                                         {"sentiment", "regression_labels"},
                                                         {"y", "regression_labels"}};
  const auto split = std::find_if(splits.begin(), splits.end(), [](const MmsaSplit& s) { return s.size() > 0; });
  if (split == splits.end() || split->content().kind() != io::Value::Kind::dict) return;
  for (const auto& [key, value] : split->content().entries()) {
    if (key.kind() != io::Value::Kind::text) continue;
    const auto name = lower_case(key.text());
    const auto other = others.find(name);
    const auto meant = other != others.end() ? other->second : nearest_name(name, known);
    if (!meant.empty() && meant != key.text() && !split->has(meant))
      log_warning("{}: the key '{}' is not used, and there is no '{}': is it that?", file, key.text(), meant);
  }
}

/// As many frames as each clip of a list has.
std::vector<std::int64_t> own_lengths(const MmsaFrames& frames) {
  std::vector<std::int64_t> lengths;
  for (const PaddedArray& part : frames.parts)
    lengths.insert(lengths.end(), std::size_t(part.array.shape[0]), part.array.shape[1]);
  return lengths;
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
  PerModality<MmsaFrames> frames;
  for (const Modality modality : kModalities) frames[modality] = all_frames(splits, modality_name(modality));
  const auto length_of = [](const MmsaFrames& own) {
    return own.is_empty() || own.is_ragged || own.parts.front().array.shape.size() != 3
               ? -1
               : own.parts.front().array.shape[1];
  };
  const auto text_length = dataset.text_bert.defined() ? dataset.text_bert.size(2) : length_of(frames.text);
  // Aligned files hold one frame per word piece and no lengths of their own.
  dataset.is_aligned = !has_lengths && !(frames.vision.is_empty() && frames.audio.is_empty());
  for (const auto* own : {&frames.vision, &frames.audio})
    dataset.is_aligned = dataset.is_aligned && (own->is_empty() || (text_length > 0 && text_length == length_of(*own)));

  PerModality<std::optional<PackPlan>> plans;
  for (const Modality modality : kModalities) {
    auto& own = frames[modality];
    if (own.is_empty()) continue;
    auto lengths = declared_lengths(splits, fmt::format("{}_lengths", modality_name(modality)));
    const bool is_text = modality == Modality::text, has_own = lengths.has_value();
    if (!has_own && (is_text ? text_length == length_of(own) : dataset.is_aligned)) lengths = pieces;
    // BERT gives values at padding too, so for text the mask alone decides; the clips of a list say it themselves.
    const bool at_least = !has_own && !is_text && !own.is_ragged;
    if (!lengths && own.is_ragged) lengths = own_lengths(own);
    plans[modality] = plan_packing(std::move(own.parts), lengths, at_least, done);
    if (!is_text) plans[modality]->rows_before_words = rows_before_words(dataset);
  }
  return plans;
}

/// Of the file that was opened, whatever its path names now.
std::string sha256_of(const MappedFile& file) {
  constexpr std::size_t kStep = 8 << 20;
  Sha256 digest;
  for (auto left = file.bytes(); !left.empty();) {
    const auto step = left.first(std::min(kStep, left.size()));
    digest.update(step);
    file.give_back(step.data(), step.data() + step.size());
    left = left.subspan(step.size());
  }
  return digest.hex();
}

}  // namespace

MmsaFile::MmsaFile(const std::filesystem::path& path, Hash hash) : path_(path), file_(MappedFile::open(path)) {
  source_sha256_ = hash == Hash::now ? std::async(std::launch::async, [path] { return sha256_of_file(path); })
                                     : std::async(std::launch::deferred, [file = file_] { return sha256_of(*file); });
  root_ = io::read_pickle(file_);
  done_ = [file = file_](const PaddedArray& part, std::int64_t first, std::int64_t last) {
    give_back(*file, part.array, first, last);
  };
  const auto splits = read_splits(path.filename().string(), root_);
  dataset_.source = path.string();
  dataset_.clips = read_clips(splits);
  warn_of_near_keys(path.string(), splits);
  if (dataset_.clips.empty()) throw DataError(path.string() + ": no split has a clip", kNoFeatureFile);
  dataset_.text_bert = read_token_ids(splits);
  plans_ = plan_features(splits, dataset_, done_);
  const bool has_no_text =
      !dataset_.text_bert.defined() &&
      std::all_of(dataset_.clips.begin(), dataset_.clips.end(), [](const Clip& clip) { return clip.text.empty(); });
  if (has_no_text && !plans_.text && !plans_.vision && !plans_.audio)
    throw DataError(splits.front().where("vision") + ": the key is missing, and neither audio nor any text is there",
                    kNoFeatureFile);
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
  if (const KnownFile* known = known_file(dataset_.source_sha256);
      known != nullptr && known->stand_in == "vision" && dataset_.vision)
    dataset_.vision->extractor = known->extractor;
}

Dataset read_mmsa(const std::filesystem::path& path, const DataFacts& facts) {
  return MmsaFile(path).finish(facts, in_memory);
}

Dataset import_mmsa(const std::filesystem::path& path, const std::filesystem::path& folder, const DataFacts& facts) {
  return import_into<MmsaFile>(folder, path, facts);
}

}  // namespace kuda
