#include "kuda/data/sources/mmsa.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/mmsa_file.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/pack.h"
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
  std::array<bool, 3> unimodal{};
  for (const Modality m : kModalities)
    unimodal[std::size_t(m)] = in_every_split(splits, fmt::format("regression_labels_{}", letter(m)));
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
      if (!unimodal[std::size_t(m)]) continue;
      const auto own = split.labels(fmt::format("regression_labels_{}", letter(m)), true);
      for (std::size_t i = 0; i < own.size(); ++i) clips[first + i].unimodal_labels[std::size_t(m)] = own[i];
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

/// Gives the pages of some clips back to the system where they lie in the mapped file; they come again when read.
void give_back(const MappedFile& file, const io::Array& array, std::int64_t first, std::int64_t last) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto base = reinterpret_cast<std::uintptr_t>(file.bytes().data());
  const auto clip = array.strides[0] * static_cast<std::int64_t>(io::item_size(array.dtype));
  const auto start = reinterpret_cast<std::uintptr_t>(array.data);
  if (clip <= 0 || start < base || start > base + file.bytes().size()) return;
  const auto limit = base + file.bytes().size();
  auto begin = std::min(start + static_cast<std::uintptr_t>(first * clip), limit);
  const auto end = std::min(start + static_cast<std::uintptr_t>(last * clip), limit) / page * page;
  begin = begin / page * page;  // a page shared with the clip before is done with too
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void warn_about(const Dataset& dataset, Modality modality, const Feature& feature, const PackCounts& counts) {
  const auto name = modality_name(modality);
  std::int64_t missing = 0, beyond = 0, first_missing = -1, first_beyond = -1;
  for (std::size_t i = 0; i < feature.lengths.size(); ++i) {
    const auto length = feature.lengths[i];
    if (length == 0 && missing++ == 0) first_missing = std::int64_t(i);
    if (length > feature.padded_length && beyond++ == 0) first_beyond = std::int64_t(i);
  }
  const auto id = [&](std::int64_t row) { return dataset.clips[std::size_t(row)].id(); };
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
  if (2 * counts.clips_leading_zero > std::int64_t(dataset.clips.size()))
    log_warning(
        "{}: {} of {} clips start with zero frames, as if padded on the left; with data.mask = \"nonzero\" the "
        "mask follows the frames instead of the lengths",
        name, counts.clips_leading_zero, dataset.clips.size());
}

/// Which modalities go with which keys, and how long their clips are.
std::array<std::optional<PackPlan>, 3> plan_features(const std::vector<MmsaSplit>& splits, Dataset& dataset,
                                                     const ClipsDone& done) {
  const auto pieces = text_lengths(dataset.text_bert);
  const bool has_lengths = in_every_split(splits, "vision_lengths") || in_every_split(splits, "audio_lengths");
  std::array<std::vector<PaddedArray>, 3> parts;
  if (in_every_split(splits, "text")) parts[0] = padded_arrays(splits, "text");
  parts[1] = padded_arrays(splits, "vision");
  parts[2] = padded_arrays(splits, "audio");
  const auto length_of = [](const std::vector<PaddedArray>& arrays) {
    return arrays.empty() || arrays.front().array.shape.size() != 3 ? -1 : arrays.front().array.shape[1];
  };
  const auto text_length = dataset.text_bert.defined() ? dataset.text_bert.size(2) : length_of(parts[0]);
  // Aligned files hold one frame per word piece and no lengths of their own.
  dataset.is_aligned = !has_lengths && text_length == length_of(parts[1]) && text_length == length_of(parts[2]);

  std::array<std::optional<PackPlan>, 3> plans;
  for (const Modality modality : kModalities) {
    auto& own = parts[std::size_t(modality)];
    if (own.empty()) continue;
    auto lengths = declared_lengths(splits, fmt::format("{}_lengths", modality_name(modality)));
    const bool is_text = modality == Modality::text, has_own = lengths.has_value();
    if (!has_own && (is_text ? text_length == length_of(own) : dataset.is_aligned)) lengths = pieces;
    const bool at_least = !has_own && !is_text;  // BERT gives values at padding too, so for text the mask alone decides
    plans[std::size_t(modality)] = plan_packing(std::move(own), lengths, at_least, done);
  }
  return plans;
}

}  // namespace

struct MmsaFile::Content {
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  io::Value root;
  std::future<std::string> source_sha256;
  ClipsDone done;
};

MmsaFile::MmsaFile(const std::filesystem::path& path) : content_(std::make_unique<Content>()) {
  content_->path = path;
  content_->file = MappedFile::open(path);
  content_->source_sha256 = std::async(std::launch::async, [path] { return sha256_of_file(path); });
  content_->root = io::read_pickle(content_->file);
  content_->done = [file = content_->file](const PaddedArray& part, std::int64_t first, std::int64_t last) {
    give_back(*file, part.array, first, last);
  };
  const auto splits = read_splits(path.filename().string(), content_->root);
  dataset_.source = path.string();
  dataset_.clips = read_clips(splits);
  dataset_.text_bert = read_token_ids(splits);
  plans_ = plan_features(splits, dataset_, content_->done);
}

MmsaFile::~MmsaFile() = default;

Dataset MmsaFile::finish(const DataFacts& facts, const Place& place, const BytesWritten& written) {
  std::array<std::optional<Feature>*, 3> features{&dataset_.text_features, &dataset_.vision, &dataset_.audio};
  std::array<std::string, 3> digests;
  for (const Modality modality : kModalities) {
    const auto m = std::size_t(modality);
    if (!plans_[m]) continue;
    Feature feature = empty_feature(*plans_[m]);
    feature.values = place(modality, *plans_[m]);
    const auto counts = fill_packed(*plans_[m], feature.values.data_ptr<float>(), content_->done, written);
    feature.is_finite = counts.not_finite.total() == 0;
    digests[m] = counts.digest;
    warn_about(dataset_, modality, feature, counts);
    *features[m] = std::move(feature);
  }
  complete_facts(dataset_, facts, content_->path.stem().string());
  dataset_.source_sha256 = content_->source_sha256.get();
  if (const KnownFile* known = known_file(dataset_.source_sha256); known != nullptr && known->stand_in == "vision")
    dataset_.vision->extractor = known->extractor;
  dataset_.features_digest = features_digest(dataset_, digests);
  dataset_.fingerprint = fingerprint_of(dataset_);
  return std::move(dataset_);
}

Dataset read_mmsa(const std::filesystem::path& path, const DataFacts& facts) {
  return MmsaFile(path).finish(facts, [](Modality, const PackPlan& plan) {
    return torch::empty({plan.num_frames(), plan.width}, torch::kFloat32);
  });
}

}  // namespace kuda
