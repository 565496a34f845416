#include "kuda/predictor/clip_set.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/input_range.h"
#include "kuda/data/removal.h"
#include "kuda/predictor/clip_data.h"
#include "kuda/text/words.h"

namespace kuda {
namespace {

constexpr std::int64_t kSeveral = -1;          ///< in the place of a row: the id of several clips
constexpr std::size_t kLongestCompared = 100;  ///< bytes of an id: the nearest of many is looked for in every request

std::optional<float> label_or_none(float label) {
  return std::isnan(label) ? std::nullopt : std::optional<float>(label);
}

DataClip listed(const Clip& clip) {
  DataClip entry{clip.id(), std::string(split_name(clip.split)), clip.text, label_or_none(clip.label), {}};
  for (const auto m : kModalities) entry.unimodal_labels[m] = label_or_none(clip.unimodal_labels[m]);
  return entry;
}

}  // namespace

ClipSet::ClipSet(const Checkpoint& checkpoint, const std::filesystem::path& path)
    : dataset_(open_dataset(path)),
      collator_(make_collator(checkpoint, dataset_)),
      in_use_(modalities_in_use(checkpoint)) {
  require_same_recipe(checkpoint, dataset_);
  for (const auto& clip : dataset_.clips) {
    if (!row_of_.emplace(clip.id(), std::int64_t(clips_.size())).second) row_of_[clip.id()] = kSeveral;
    clips_.push_back(listed(clip));
    ++facts_.clips[static_cast<std::size_t>(clip.split)];
  }
  facts_.name = dataset_.name;
  facts_.is_synthetic = dataset_.is_synthetic;
  facts_.is_training_data = checkpoint.facts.data_fingerprint == dataset_.fingerprint;
  facts_.notes = collator_.notes();
}

std::int64_t ClipSet::row_of(const std::string& id, const std::string& field) const {
  if (const auto found = row_of_.find(id); found != row_of_.end()) {
    if (found->second != kSeveral) return found->second;
    throw DataError(fmt::format("{}: {}: which one is meant?", field, clips_of_id(dataset_.clips, id)),
                    "give each clip one name in all splits, for example VIDEO$_$CLIP");
  }
  std::string nearest;
  if (id.size() <= kLongestCompared) {
    std::vector<std::string> known;
    for (const auto& clip : clips_) known.push_back(clip.id);
    nearest = nearest_name(id, known);
  }
  throw NoSuchClip(fmt::format("{}: no clip '{}' among the {} of '{}'", field, id.substr(0, kLongestCompared),
                               clips_.size(), dataset_.name),
                   !nearest.empty() ? "did you mean '" + nearest + "'?"
                   : clips_.empty() ? "the data set has no clips"
                                    : "an id is VIDEO$_$CLIP, for example " + clips_.front().id);
}

bool ClipSet::has(std::int64_t row, Modality modality) const {
  if (!in_use_[modality]) return false;
  const auto& feature = dataset_.feature(modality);
  const bool has_frames = feature && feature->lengths[static_cast<std::size_t>(row)] > 0;
  if (modality != Modality::text) return has_frames;
  return has_frames || dataset_.text_bert.defined() || has_words(dataset_.clips[static_cast<std::size_t>(row)].text);
}

std::span<const float> ClipSet::frames(std::int64_t row, Modality modality) const {
  const auto& feature = dataset_.feature(modality);
  return feature ? frames_of_clip(*feature, row) : std::span<const float>();
}

Batch ClipSet::batch(const std::vector<std::int64_t>& rows, const PerModality<bool>& left_out) const {
  auto batch = collator_(rows);
  for (const auto modality : kModalities)
    if (left_out[modality]) batch = without(batch, modality);
  return batch;
}

}  // namespace kuda
