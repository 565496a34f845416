#include "kuda/data/collate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/random.h"
#include "kuda/data/cleaning.h"
#include "kuda/data/finite.h"
#include "kuda/data/window.h"

namespace kuda {
namespace {

std::int64_t wanted_length(const Dataset& dataset, const DataConfig& config, Modality modality) {
  const auto& feature = dataset.feature(modality);
  if (!feature || !config.uses(modality)) return 0;
  return config.length(modality) > 0 ? config.length(modality) : feature->padded_length;
}

DataShape make_shape(const Dataset& dataset, const DataConfig& config, const TokenSource* tokens) {
  DataShape shape;
  for (const Modality m : kModalities) {
    const auto& feature = dataset.feature(m);
    shape.length[m] = wanted_length(dataset, config, m);
    shape.width[m] = feature && config.uses(m) ? feature->width() : 0;
    shape.present[m] = shape.width[m] > 0;
  }
  // Without text in use, a length that was asked for still stands: some models align the other modalities to it.
  shape.length.text = tokens != nullptr ? tokens->length() : std::max(shape.length.text, config.text_length);
  shape.present.text = shape.present.text || tokens != nullptr;
  return shape;
}

void require_modalities(const Dataset& dataset, const DataConfig& config) {
  for (const Modality m : {Modality::vision, Modality::audio})
    if (config.uses(m) && !dataset.feature(m))
      throw DataError(fmt::format("{}: the data set has no {}", dataset.source, modality_name(m)),
                      "name the inputs to use: --modalities or data.modalities");
}

void require_widths(const Dataset& dataset, const DataConfig& config, const Normaliser& normaliser) {
  for (const Modality m : {Modality::vision, Modality::audio}) {
    if (!config.uses(m)) continue;
    const auto& own = normaliser.modality[m];
    if (!own.defined())
      throw DataError(fmt::format("normaliser: has no mean and deviation of {}", modality_name(m)),
                      "it was made for other modalities");
    if (own.mean.size(0) != dataset.feature(m)->width())
      throw ShapeError(fmt::format("{}: {} has width {}, but the normaliser was made for {}", dataset.source,
                                   modality_name(m), dataset.feature(m)->width(), own.mean.size(0)),
                       "the checkpoint belongs to features of another kind");
  }
}

bool is_all_zero(const torch::Tensor& frames) {
  return all_zero(std::span(frames.const_data_ptr<float>(), std::size_t(frames.numel())));
}

/// One clip of a batch before it is copied there.
struct Prepared {
  torch::Tensor frames;  ///< [n, D], n <= window.count: what is not stored is zero
  std::int64_t valid = 1;
  bool is_missing = false;
};

std::optional<TokenSource> make_tokens(const Dataset& dataset, const WordPiece* tokenizer, const DataConfig& config) {
  if (tokenizer == nullptr || !config.uses(Modality::text)) return std::nullopt;
  return std::optional<TokenSource>(std::in_place, dataset, *tokenizer, config);
}

}  // namespace

Collator::Collator(const Dataset& dataset, const WordPiece* tokenizer, DataConfig config,
                   std::optional<Normaliser> normaliser)
    : dataset_(dataset),
      config_(std::move(config)),
      normaliser_(std::move(normaliser)),
      tokens_(make_tokens(dataset, tokenizer, config_)) {
  require_modalities(dataset, config_);
  if (config_.clean == CleanPolicy::drop_frame && dataset.is_aligned)
    throw ConfigError("data.clean = \"drop_frame\": the modalities of an aligned data set share one time axis",
                      "use zero or mean");
  if (config_.clean == CleanPolicy::fail) (void)count_cleaning(dataset, config_);
  if (!config_.needs_statistics())
    normaliser_.reset();
  else if (!normaliser_)
    normaliser_ = Normaliser::fit(dataset, config_);
  if (normaliser_) require_widths(dataset, config_, *normaliser_);
  shape_ = make_shape(dataset, config_, tokens_ ? &*tokens_ : nullptr);
}

Sequence Collator::collate_feature(Modality modality, std::int64_t length,
                                   const std::vector<std::int64_t>& rows) const {
  const auto& feature = dataset_.feature(modality);
  if (!feature || !config_.uses(modality)) return {};
  const bool is_text = modality == Modality::text;
  const auto rule = config_.mask;
  const bool cuts_values = rule != MaskRule::released;  // frames beyond the mask are not shown at all
  static const FeatureStatistics kNone;
  const auto& statistics = normaliser_ ? normaliser_->modality[modality] : kNone;
  const bool standardises = config_.normalise == Normalise::standardise && !is_text;

  std::vector<Prepared> clips;
  std::int64_t longest = 1;
  for (const auto row : rows) {
    auto clean = clean_frames(feature->clip(row), feature->lengths[std::size_t(row)],
                              is_text && config_.clean == CleanPolicy::mean ? CleanPolicy::zero : config_.clean,
                              statistics.mean);
    // Texts are never shifted: their first position is [CLS].
    const auto window = place_window(clean.frames, feature->padded_length, clean.length, length,
                                     is_text ? MaskRule::sound : rule, is_text || dataset_.is_aligned);
    Prepared clip;
    clip.is_missing = rule == MaskRule::nonzero ? window.valid == 1 && is_all_zero(clean.frames) : clean.length == 0;
    clip.valid = std::max<std::int64_t>(window.valid, 1);
    const auto shown = clip.is_missing && cuts_values ? 0 : cuts_values ? clip.valid : window.count;
    clip.frames = clean.frames.slice(0, window.start, std::min(window.start + shown, clean.frames.size(0)));
    if (standardises) clip.frames = statistics.standardise(clip.frames, config_.normalise_clip);
    longest = std::max(longest, clip.valid);
    clips.push_back(std::move(clip));
  }

  const auto count = std::int64_t(rows.size()), padded = config_.crop ? std::min(longest, length) : length;
  Sequence sequence;
  sequence.values = torch::zeros({count, padded, feature->width()}, torch::kFloat32);
  sequence.lengths = torch::empty({count}, torch::kInt64);
  sequence.missing = torch::empty({count}, torch::kBool);
  auto* values = sequence.values.data_ptr<float>();
  const auto width = std::size_t(feature->width());
  for (std::int64_t i = 0; i < count; ++i) {
    const Prepared& clip = clips[std::size_t(i)];
    const auto frames = clip.frames.contiguous();
    const auto copied = std::size_t(std::min(frames.size(0), padded));
    std::copy_n(frames.const_data_ptr<float>(), copied * width, values + std::size_t(i * padded) * width);
    sequence.lengths[i] = std::min(clip.valid, padded);
    sequence.missing[i] = clip.is_missing;
  }
  sequence.padding = torch::arange(padded).unsqueeze(0) >= sequence.lengths.unsqueeze(1);  // [B, L]
  return sequence;
}

void Collator::collate_tokens(Batch& batch) const {
  if (!tokens_) return;
  std::vector<TextPieces> texts;
  std::size_t longest = 1;
  for (const auto row : batch.rows) {
    texts.push_back(tokens_->pieces(row));
    longest = std::max(longest, texts.back().ids.size());
  }
  const auto count = std::int64_t(texts.size()), length = config_.crop ? std::int64_t(longest) : tokens_->length();
  batch.text_ids = torch::full({count, length}, tokens_->pad_id(), torch::kInt64);
  batch.text_segments = torch::zeros({count, length}, torch::kInt64);
  batch.text_padding = torch::ones({count, length}, torch::kBool);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& text = texts[std::size_t(i)];
    std::copy(text.ids.begin(), text.ids.end(), batch.text_ids.data_ptr<std::int64_t>() + i * length);
    std::copy(text.segments.begin(), text.segments.end(), batch.text_segments.data_ptr<std::int64_t>() + i * length);
    std::fill_n(batch.text_padding.data_ptr<bool>() + i * length, text.ids.size(), false);
  }
}

void Collator::collate_labels(Batch& batch) const {
  const auto limited = [&](float label) {
    if (config_.labels != LabelRule::clip || std::isnan(label)) return label;
    return std::clamp(label, float(dataset_.score_low), float(dataset_.score_high));
  };
  const auto column = [&](auto&& value) {
    auto labels = torch::empty({batch.size()}, torch::kFloat32);
    auto* out = labels.template data_ptr<float>();
    for (const auto row : batch.rows) *out++ = limited(value(dataset_.clips[std::size_t(row)]));
    return labels;
  };
  for (const Modality m : kModalities) {
    batch.unimodal_labels[m] = column([m](const Clip& clip) { return clip.unimodal_labels[m]; });
    batch.held_out[m] = column([m](const Clip& clip) { return clip.held_out[m]; });
  }
  batch.multimodal_label = column([](const Clip& clip) { return clip.label; });
  if (!config_.target) {
    batch.label = batch.multimodal_label;
    return;
  }
  const Modality target = *config_.target;
  batch.label = batch.unimodal_labels[target];
  for (std::int64_t i = 0; i < batch.size(); ++i)
    if (std::isnan(batch.label[i].item<float>()))
      throw DataError(fmt::format("{}: clip {} has no {} label (label_{})", dataset_.source, batch.ids[std::size_t(i)],
                                  modality_name(target), letter(target)),
                      "data without unimodal labels can be trained with pretrain.labels = \"multimodal\"");
}

Batch Collator::operator()(const std::vector<std::int64_t>& rows) const {
  if (rows.empty()) throw DataError("a batch needs at least one clip");
  Batch batch;
  batch.rows = rows;
  for (const auto row : rows) {
    if (row < 0 || row >= std::int64_t(dataset_.clips.size()))
      throw DataError(fmt::format("row {} is beyond the {} clips of {}", row, dataset_.clips.size(), dataset_.source));
    batch.ids.push_back(dataset_.clips[std::size_t(row)].id());
  }
  collate_tokens(batch);
  batch.text_features = collate_feature(Modality::text, wanted_length(dataset_, config_, Modality::text), rows);
  batch.vision = collate_feature(Modality::vision, shape_.length.vision, rows);
  batch.audio = collate_feature(Modality::audio, shape_.length.audio, rows);
  collate_labels(batch);
  return batch;
}

Cuts Collator::cuts(std::int64_t row) const {
  Cuts cuts;
  for (const Modality m : kModalities) {
    const auto& feature = dataset_.feature(m);
    if (m == Modality::text && tokens_)
      cuts.text = cut_between(tokens_->whole_length(row), tokens_->length());
    else if (feature && config_.uses(m))
      cuts[m] = cut_between(feature->lengths[std::size_t(row)], wanted_length(dataset_, config_, m));
  }
  return cuts;
}

std::int64_t Collator::batch_bytes(std::int64_t size) const noexcept {
  const auto text = shape_.length.text * (2 * 8 + 1) + shape_.length.text * shape_.width.text * 4;
  const auto frames =
      shape_.length.vision * (shape_.width.vision * 4 + 1) + shape_.length.audio * (shape_.width.audio * 4 + 1);
  return size * (text + frames);
}

std::vector<std::string> Collator::notes() const {
  auto notes = tokens_ ? tokens_->notes() : std::vector<std::string>{};
  for (const Modality m : {Modality::vision, Modality::audio}) {
    const auto& feature = dataset_.feature(m);
    if (!feature || !config_.uses(m)) continue;
    if (feature->extractor.starts_with("stand-in"))
      notes.push_back(fmt::format("{}: {}", modality_name(m), feature->extractor));
    if (config_.length(m) > feature->padded_length)
      notes.push_back(fmt::format("{}: clips of at most {} frames are padded to {}", modality_name(m),
                                  feature->padded_length, config_.length(m)));
  }
  return notes;
}

DataShape shape_of(const Dataset& dataset, const DataConfig& config, const WordPiece* tokenizer) {
  require_modalities(dataset, config);
  const auto tokens = make_tokens(dataset, tokenizer, config);
  return make_shape(dataset, config, tokens ? &*tokens : nullptr);
}

std::vector<std::int64_t> epoch_order(std::vector<std::int64_t> rows, std::uint64_t seed, std::int64_t epoch) {
  Random random(stream_seed(seed, "shuffle", static_cast<std::uint64_t>(epoch)));
  random.shuffle(rows);
  return rows;
}

}  // namespace kuda
