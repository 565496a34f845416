#include "kuda/predictor/clip_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/data/word_rows.h"
#include "kuda/extract/extracted_clip.h"
#include "kuda/extract/timed_words.h"
#include "kuda/text/words.h"

namespace kuda {
namespace {

std::string field_of(const std::string& name, Modality modality, const ClipInput& clip) {
  if (modality != Modality::text) return fmt::format("{}.{}", name, modality_name(modality));
  return name + (clip.text ? ".text" : clip.token_ids.empty() ? ".text_features" : ".token_ids");
}

void check_frames(const Checkpoint& checkpoint, const Frames& frames, Modality modality, const std::string& field) {
  const auto expected = std::max<std::int64_t>(checkpoint.facts.shape.width[modality], 1);
  if (frames.width != expected)
    throw ShapeError(
        fmt::format("{}: expected frames of {} features, found {}", field, expected, frames.width),
        fmt::format("the model was trained on '{}': send what the same extractor gives", checkpoint.facts.data_name));
  if (frames.values.size() % static_cast<std::size_t>(frames.width) != 0)
    throw ShapeError(fmt::format("{}: expected whole frames of {} features, found {} values", field, frames.width,
                                 frames.values.size()));
}

void check_words(const Checkpoint& checkpoint, const ClipInput& clip, const std::string& name) {
  const bool has_text = clip.text && has_words(*clip.text), is_in_words = has_text || !clip.token_ids.empty();
  if (has_text && !clip.token_ids.empty())
    throw DataError(name + ": text and token_ids: expected one of them, found both");
  if (text_kind(checkpoint) == TextKind::features && is_in_words)
    throw DataError(fmt::format("{}: the model reads text features, {} a frame", field_of(name, Modality::text, clip),
                                checkpoint.facts.shape.width.text),
                    "send text_features, as in the data it was trained on");
  if (text_kind(checkpoint) == TextKind::raw && clip.text_features && clip.text_features->length() > 0)
    throw DataError(name + ".text_features: the model reads word pieces", "send text");
  for (const auto id : clip.token_ids)
    if (id < 0 || id >= checkpoint.tokenizer->size())
      throw DataError(
          fmt::format("{}.token_ids: expected ids from 0 to {}, found {}", name, checkpoint.tokenizer->size() - 1, id),
          "they belong to another vocabulary; send text instead");
}

/// Padded length as in the data that the model was trained on; where that is not recorded, the length it reads.
std::int64_t padded_length(const Checkpoint& checkpoint, Modality modality) {
  const auto recorded = checkpoint.facts.padded_lengths[modality];
  return recorded > 0 ? recorded : std::max<std::int64_t>(checkpoint.facts.shape.length[modality], 1);
}

std::int64_t padded_length(const Checkpoint& checkpoint, Modality modality, const ClipInput& clip) {
  const auto& frames = clip.frames(modality);
  return std::max(padded_length(checkpoint, modality), frames ? frames->length() : 0);
}

Feature feature_of(const Checkpoint& checkpoint, std::span<const ClipInput> clips,
                   const std::vector<std::size_t>& group, Modality modality) {
  Feature feature;
  feature.padded_length = padded_length(checkpoint, modality);
  feature.offsets.push_back(0);
  for (const auto index : group) {
    const auto& frames = clips[index].frames(modality);
    const auto length = frames ? frames->length() : 0;
    feature.lengths.push_back(length);
    feature.offsets.push_back(feature.offsets.back() + length);
    feature.padded_length = std::max(feature.padded_length, length);
  }
  const auto width = checkpoint.facts.shape.width[modality];
  feature.values = torch::empty({feature.offsets.back(), width}, torch::kFloat32);  // [sum of lengths, D]
  auto* out = feature.values.data_ptr<float>();
  for (const auto index : group)
    if (const auto& frames = clips[index].frames(modality))
      out = std::copy_n(frames->values.begin(), frames->values.size(), out);
  return feature;
}

/// [N, 3, L] int32: ids, attention mask, segments. A missing text is [CLS] [SEP].
torch::Tensor token_ids_of(const Checkpoint& checkpoint, std::span<const ClipInput> clips,
                           const std::vector<std::size_t>& group) {
  const auto& tokenizer = *checkpoint.tokenizer;
  const auto wanted = checkpoint.facts.shape.length.text;
  std::vector<std::vector<std::int64_t>> pieces;
  std::size_t longest = 1;
  for (const auto index : group) {
    const auto& clip = clips[index];
    auto ids = clip.token_ids;
    if (ids.empty()) {
      auto encoded = tokenizer.encode(clip.text.value_or(""), wanted);
      encoded.ids.resize(static_cast<std::size_t>(encoded.length));
      ids = std::move(encoded.ids);
    }
    longest = std::max(longest, ids.size());
    pieces.push_back(std::move(ids));
  }
  auto tokens = torch::zeros({std::int64_t(group.size()), 3, std::int64_t(longest)}, torch::kInt32);
  auto* out = tokens.data_ptr<std::int32_t>();
  for (const auto& ids : pieces) {
    std::transform(ids.begin(), ids.end(), out, [](std::int64_t id) { return static_cast<std::int32_t>(id); });
    std::fill_n(out + longest, ids.size(), 1);
    out += 3 * longest;
  }
  return tokens;
}

}  // namespace

TextKind text_kind(const Checkpoint& checkpoint) {
  if (!modalities_in_use(checkpoint).text) return TextKind::none;
  return checkpoint.tokenizer ? TextKind::raw : TextKind::features;
}

PerModality<bool> modalities_in_use(const Checkpoint& checkpoint) {
  PerModality<bool> in_use{};
  for (const auto& name : modalities_of(checkpoint)) in_use[modality_from(name)] = true;
  return in_use;
}

void check_clip(const Checkpoint& checkpoint, const ClipInput& clip, const std::string& name) {
  const auto in_use = modalities_in_use(checkpoint);
  bool is_any = false;
  for (const auto modality : kModalities) {
    if (!clip.has(modality)) continue;
    const auto field = field_of(name, modality, clip);
    if (!in_use[modality])
      throw DataError(fmt::format("{}: the model was trained without {}", field, modality_name(modality)),
                      "it reads " + join(modalities_of(checkpoint)));
    is_any = true;
  }
  if (!is_any)
    throw DataError(name + ": expected at least one modality, found none",
                    "the model reads " + join(modalities_of(checkpoint)));
  check_words(checkpoint, clip, name);
  for (const auto modality : kModalities)
    if (const auto& frames = clip.frames(modality); frames && !frames->values.empty() && !clip.without[modality])
      check_frames(checkpoint, *frames, modality,
                   modality == Modality::text ? name + ".text_features" : field_of(name, modality, clip));
}

Cuts cuts_of(const Checkpoint& checkpoint, const ClipInput& clip) {
  Cuts cuts;
  const auto& length = checkpoint.facts.shape.length;
  for (const auto modality : kModalities) {
    if (!clip.has(modality)) continue;
    const auto& frames = clip.frames(modality);
    std::int64_t whole = frames ? frames->length() : 0;
    if (modality == Modality::text && text_kind(checkpoint) == TextKind::raw)
      whole = std::int64_t(clip.text ? checkpoint.tokenizer->tokens(*clip.text).size() : clip.token_ids.size());
    cuts[modality] = cut_between(whole, length[modality]);
  }
  return cuts;
}

void align_words(const Checkpoint& checkpoint, const ExtractedClip& extracted, ClipInput& input) {
  if (!checkpoint.tokenizer)
    throw CheckpointError(fmt::format("{}: the model was trained on rows of word pieces and keeps none of these itself",
                                      checkpoint.folder.string()),
                          "train it with text, or on a data set packed without --align words");
  const auto most = std::max<std::int64_t>(checkpoint.facts.shape.length.text, 2);
  const auto pieces =
      times_of_pieces(input.text.value_or(""), timed_words(extracted.words), *checkpoint.tokenizer, most);
  for (const auto modality : {Modality::vision, Modality::audio}) {
    const auto& frames = modality == Modality::vision ? extracted.vision : extracted.audio;
    auto& given = input.frames(modality);
    given.reset();
    if (frames && pieces.has_times())
      given =
          own_frames(rows_of_pieces(*frames, recipe_rate(checkpoint.facts.recipe, modality), pieces), frames->shape[1]);
  }
}

std::vector<ClipInput> without_left_out(std::span<const ClipInput> clips) {
  std::vector<ClipInput> kept(clips.begin(), clips.end());
  for (auto& clip : kept) {
    if (!clip.clip.empty()) continue;
    if (clip.without.text) {
      clip.text.reset();
      clip.token_ids.clear();
      clip.text_features.reset();
    }
    if (clip.without.vision) clip.vision.reset();
    if (clip.without.audio) clip.audio.reset();
    clip.without = {};
  }
  return kept;
}

std::vector<std::vector<std::size_t>> groups_of(const Checkpoint& checkpoint, std::span<const ClipInput> clips) {
  using Key = std::vector<std::int64_t>;  // 1 for clips of the data set, then what they leave out, else lengths
  std::map<Key, std::vector<std::size_t>> by_key;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const bool is_named = !clips[i].clip.empty();
    Key key{is_named ? 1 : 0};
    for (const auto modality : kModalities)
      key.push_back(is_named ? std::int64_t(clips[i].without[modality])
                             : padded_length(checkpoint, modality, clips[i]));
    by_key[key].push_back(i);
  }
  std::vector<std::vector<std::size_t>> groups;
  for (auto& entry : by_key) groups.push_back(std::move(entry.second));
  return groups;
}

Dataset dataset_of(const Checkpoint& checkpoint, std::span<const ClipInput> clips,
                   const std::vector<std::size_t>& group) {
  const auto& facts = checkpoint.facts;
  Dataset dataset;
  dataset.name = dataset.source = "clips to score";
  dataset.family = facts.family;
  dataset.score_low = facts.score_low;
  dataset.score_high = facts.score_high;
  dataset.is_aligned = facts.is_aligned;
  for (const auto index : group) {
    Clip clip;
    clip.video_id = clips[index].id.empty() ? fmt::format("clip {}", index + 1) : clips[index].id;
    clip.split = Split::test;
    dataset.clips.push_back(std::move(clip));
  }
  const auto in_use = modalities_in_use(checkpoint);
  if (text_kind(checkpoint) == TextKind::raw) dataset.text_bert = token_ids_of(checkpoint, clips, group);
  if (text_kind(checkpoint) == TextKind::features)
    dataset.text_features = feature_of(checkpoint, clips, group, Modality::text);
  for (const auto modality : {Modality::vision, Modality::audio})
    if (in_use[modality]) dataset.feature(modality) = feature_of(checkpoint, clips, group, modality);
  return dataset;
}

}  // namespace kuda
