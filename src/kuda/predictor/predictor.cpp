#include "kuda/predictor/predictor.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/interruption.h"
#include "kuda/base/names.h"
#include "kuda/checkpoint/predict.h"
#include "kuda/checkpoint/score_range.h"
#include "kuda/data/input_range.h"
#include "kuda/explain/explain.h"
#include "kuda/predictor/clip_data.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/predictor/clip_set.h"
#include "kuda/tensor/device.h"
#include "kuda/text/words.h"

namespace kuda {
namespace {

using ClipPlaces = std::vector<std::size_t>;  // of the clips of a batch among those that were given

/// A model is made with random weights before the saved ones replace them: the random numbers of the program around us
/// must not notice.
Checkpoint load_without_trace(const std::filesystem::path& folder) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const auto locked = [&](auto action) {
    const std::lock_guard lock(generator.mutex());
    return action();
  };
  const auto before = locked([&] { return generator.get_state(); });
  auto checkpoint = load_checkpoint(folder);
  locked([&] { generator.set_state(before); });
  return checkpoint;
}

std::optional<float> known(float value) { return std::isnan(value) ? std::nullopt : std::optional<float>(value); }
std::optional<double> known(double value) { return std::isnan(value) ? std::nullopt : std::optional<double>(value); }

PredictorFacts facts_of(const Checkpoint& checkpoint, const PredictorOptions& options) {
  const auto& from = checkpoint.facts;
  PredictorFacts facts;
  facts.model = checkpoint.config.model;
  facts.task = from.task;
  const auto text = text_kind(checkpoint);
  facts.text = text == TextKind::raw ? "raw" : text == TextKind::features ? "features" : "none";
  const auto in_use = modalities_in_use(checkpoint);
  for (const auto modality : kModalities)
    if (in_use[modality]) facts.inputs[modality] = {true, from.shape.width[modality], from.shape.length[modality]};
  if (text != TextKind::features) facts.inputs.text.width = 0;
  if (text == TextKind::raw) facts.vocabulary = checkpoint.tokenizer->size();
  facts.score_low = from.score_low;
  facts.score_high = from.score_high;
  facts.data = from.data_name;
  facts.is_synthetic = from.is_synthetic;
  facts.recipe = from.recipe;
  facts.epoch = from.epoch;
  facts.epochs = from.epochs;
  facts.select = from.select;
  facts.calibration_clips = checkpoint.calibration ? checkpoint.calibration->size() : 0;
  facts.level = options.level;
  facts.form = options.form;
  facts.versions = from.versions;
  return facts;
}

}  // namespace

struct Predictor::Impl {
  PredictorOptions options;
  Checkpoint checkpoint;
  torch::Device device;
  PredictorFacts facts;
  std::unique_ptr<ClipSet> data;  ///< whose clips may be named
  std::mutex forward;             ///< held while the model works

  Impl(const std::filesystem::path& folder, const PredictorOptions& chosen)
      : options(chosen), checkpoint(load_without_trace(folder)), device(device_of(chosen.device)) {
    if (options.batch_size < 1)
      throw ConfigError(fmt::format("batch size {}: expected at least 1", options.batch_size));
    if (!(options.level > 0 && options.level < 1))
      throw ConfigError(fmt::format("level {}: expected a probability between 0 and 1", options.level));
    if (!options.data.empty()) data = std::make_unique<ClipSet>(checkpoint, options.data);
    prepare_for_scoring(checkpoint, device, precision_from(options.precision));
    facts = facts_of(checkpoint, options);
    if (data) facts.clips = data->facts();
  }

  void check(const ClipInput& clip, const std::string& name) const {
    if (clip.clip.empty()) return check_clip(checkpoint, clip, name);
    if (!data)
      throw NoSuchClip(name + ".clip: there is no data set to take a clip from", "kuda serve CHECKPOINT --data DATA");
    const bool is_given = (clip.text && has_words(*clip.text)) || !clip.token_ids.empty() || clip.text_features ||
                          clip.vision || clip.audio;
    if (is_given) throw DataError(name + ": expected a clip of the data set or its contents, found both");
    (void)data->row_of(clip.clip, name + ".clip");
    for (const auto modality : kModalities)
      if (has(clip, modality)) return;
    throw DataError(name + ": expected at least one modality, found none",
                    "the model reads " + join(modalities_of(checkpoint)));
  }

  /// The model gets to see it.
  [[nodiscard]] bool has(const ClipInput& clip, Modality modality) const {
    if (clip.clip.empty() || clip.without[modality]) return clip.has(modality);
    return data->has(data->row_of(clip.clip, "clip"), modality);
  }

  [[nodiscard]] std::optional<ScoreInterval> interval(const ClipInput& clip, float score) const {
    if (!checkpoint.calibration) return std::nullopt;
    for (const auto modality : kModalities)
      if (facts.inputs[modality].is_in_use && !has(clip, modality)) return std::nullopt;
    const auto found = checkpoint.calibration->interval(score, options.level, options.form);
    return found.is_determined() ? std::optional<ScoreInterval>(found) : std::nullopt;
  }

  [[nodiscard]] PerModality<bool> far_input(const ClipInput& clip) const {
    PerModality<bool> far;
    for (const auto modality : kModalities) {
      if (!has(clip, modality)) continue;
      const auto& given = clip.frames(modality);
      const auto frames = !clip.clip.empty() ? data->frames(data->row_of(clip.clip, "clip"), modality)
                          : given            ? given->values
                                             : std::span<const float>();
      far[modality] = is_far(frames, checkpoint.facts.largest_input[modality]);
    }
    return far;
  }

  /// Without what is said of modalities that the clip lacks: the model has an answer to a frame of zeros, too.
  [[nodiscard]] Explanation of_what_is_there(const ClipInput& clip, Explanation found) const {
    for (const auto modality : kModalities) {
      if (has(clip, modality)) continue;
      found.unimodal[modality] = kUnknown;
      found.without[modality] = found.share[modality] = kUndefined;
      found.attention[modality].reset();
    }
    return found;
  }

  [[nodiscard]] static const std::string& name_of(const ClipInput& clip) {
    return clip.id.empty() ? clip.clip : clip.id;
  }

  [[nodiscard]] Cuts cuts(const ClipInput& clip) const {
    if (clip.clip.empty()) return cuts_of(checkpoint, clip);
    auto cuts = data->cuts(data->row_of(clip.clip, "clip"));
    for (const auto modality : kModalities)
      if (clip.without[modality]) cuts[modality].reset();
    return cuts;
  }

  [[nodiscard]] ClipScore score_of(const ClipInput& clip, const Explanation& found) const {
    ClipScore score;
    score.id = name_of(clip);
    score.score = found.score;
    score.outside_range = is_outside_range(checkpoint.facts, found.score);
    score.far_input = far_input(clip);
    for (const auto m : kModalities) {
      score.unimodal[m] = known(found.unimodal[m]);
      score.ratio[m] = known(found.ratio[m]);
      score.parts[m] = known(found.parts[m]);
    }
    score.correction = known(found.correction);
    score.interval = interval(clip, found.score);
    score.leading = found.leading(Evidence::unimodal);
    score.cut = cuts(clip);
    return score;
  }

  /// Calls `work(batch, positions of its clips, begin)` for each part of at most batch_size clips, with the model to
  /// itself.
  template <class Work>
  void for_each_batch(std::span<const ClipInput> clips, Work work) {
    for (std::size_t i = 0; i < clips.size(); ++i)
      check(clips[i], clips[i].id.empty() ? fmt::format("clip {}", i + 1) : clips[i].id);
    const auto kept = without_left_out(clips);
    for (const auto& group : groups_of(checkpoint, kept)) {
      const bool is_named = !kept[group.front()].clip.empty();
      std::optional<Dataset> dataset;
      std::optional<Collator> collator;
      if (!is_named)
        collator.emplace(
            make_collator(checkpoint, dataset.emplace(dataset_of(checkpoint, kept, group)), {}, TextSource::tokens));
      for (const auto& rows : in_batches(rows_to(group.size()), options.batch_size)) {
        stop_where_asked();
        const auto begin = Clock::now();
        std::vector<std::size_t> positions;
        for (const auto row : rows) positions.push_back(group[std::size_t(row)]);
        const auto batch = is_named ? named_batch(kept, positions) : (*collator)(rows);
        const std::lock_guard lock(forward);
        const torch::InferenceMode inference;
        work(batch, positions, begin);
      }
    }
  }

  [[nodiscard]] PredictOptions predict_options() const {
    PredictOptions predict;
    predict.batch_size = options.batch_size;
    predict.device = device;
    return predict;
  }

  /// Word pieces of one clip of a batch; none where the model reads none.
  [[nodiscard]] std::vector<std::string> tokens_of(const Batch& batch, std::int64_t row) const {
    std::vector<std::string> tokens;
    if (!batch.text_ids.defined() || !checkpoint.tokenizer) return tokens;
    const auto real = batch.text_padding[row].logical_not().sum().item<std::int64_t>();
    const auto ids = batch.text_ids[row].slice(0, 0, real).to(torch::kCPU).contiguous();
    const auto& pieces = checkpoint.tokenizer->pieces();
    for (std::int64_t i = 0; i < real; ++i)
      tokens.push_back(pieces.at(static_cast<std::size_t>(ids.const_data_ptr<std::int64_t>()[i])));
    return tokens;
  }

 private:
  /// Clips of the data of one group: they lack the same modalities.
  [[nodiscard]] Batch named_batch(const std::vector<ClipInput>& clips,
                                  const std::vector<std::size_t>& positions) const {
    std::vector<std::int64_t> rows;
    for (const auto position : positions) rows.push_back(data->row_of(clips[position].clip, "clip"));
    return data->batch(rows, clips[positions.front()].without);
  }

  static std::vector<std::int64_t> rows_to(std::size_t count) {
    std::vector<std::int64_t> rows(count);
    for (std::size_t i = 0; i < count; ++i) rows[i] = std::int64_t(i);
    return rows;
  }
};

Predictor::Predictor(const std::filesystem::path& folder, const PredictorOptions& options)
    : impl_(std::make_unique<Impl>(folder, options)) {}
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;
Predictor::~Predictor() = default;

ClipScore Predictor::score(const ClipInput& clip) const { return score(std::span(&clip, 1)).front(); }

std::vector<ClipScore> Predictor::score(std::span<const ClipInput> clips) const {
  std::vector<ClipScore> scores(clips.size());
  impl_->for_each_batch(clips, [&](const Batch& batch, const ClipPlaces& positions, Clock::time_point begin) {
    const auto predictions = predict_batch(*impl_->checkpoint.model, batch, impl_->predict_options());
    const auto seconds = seconds_since(begin);
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      Explanation found;
      found.score = predictions[i].score;
      found.unimodal = predictions[i].unimodal;
      found.ratio = predictions[i].ratio;
      found.parts = predictions[i].parts;
      found.correction = predictions[i].correction;
      auto& score = scores[positions[i]];
      const auto& clip = clips[positions[i]];
      score = impl_->score_of(clip, impl_->of_what_is_there(clip, found));
      score.batch_clips = batch.size();
      score.seconds = seconds;
    }
  });
  return scores;
}

std::vector<ClipExplanation> Predictor::explain(std::span<const ClipInput> clips, bool with_attention) const {
  std::vector<ClipExplanation> explanations(clips.size());
  impl_->for_each_batch(clips, [&](const Batch& batch, const ClipPlaces& positions, Clock::time_point begin) {
    const auto all = explain_batch(*impl_->checkpoint.model, batch, impl_->predict_options(), with_attention);
    const auto seconds = seconds_since(begin);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto& explanation = explanations[positions[i]];
      const auto& clip = clips[positions[i]];
      const auto found = impl_->of_what_is_there(clip, all[i]);
      explanation.tokens = impl_->tokens_of(batch, std::int64_t(i));
      explanation.clip = impl_->score_of(clip, found);
      explanation.clip.batch_clips = batch.size();
      explanation.clip.seconds = seconds;
      for (const auto m : kModalities) {
        explanation.without[m] = known(found.without[m]);
        explanation.share[m] = known(found.share[m]);
        if (const auto& map = found.attention[m])
          explanation.attention[m] = ClipExplanation::Attention{map->rows, map->columns, map->weights};
      }
      for (const auto evidence : kEvidence) explanation.leading[evidence] = found.leading(evidence);
    }
  });
  return explanations;
}

std::vector<std::vector<float>> Predictor::features(std::span<const ClipInput> clips) const {
  const auto& checkpoint = impl_->checkpoint;
  const auto& info = find_model(checkpoint.config.model);
  if (checkpoint.facts.task != kMainTask)
    throw CheckpointError(
        fmt::format("the pretraining task '{}' of '{}' fuses nothing", checkpoint.facts.task, info.name),
        "take the run, or its folder model/");
  const auto fused = std::find_if(info.features.begin(), info.features.end(),
                                  [](const auto& panel) { return panel.first == "fused"; });
  if (fused == info.features.end()) throw ConfigError(info.name + ": the model names no fused features");
  std::vector<std::vector<float>> features(clips.size());
  impl_->for_each_batch(clips, [&](const Batch& batch, const ClipPlaces& positions, Clock::time_point) {
    Trace trace;
    auto tracing = impl_->predict_options();
    tracing.trace = &trace;
    (void)predict_batch(*checkpoint.model, batch, tracing);
    if (!trace.has(fused->second)) throw CheckpointError(fmt::format("{}: traces no {}", info.name, fused->second));
    const auto values = trace.at(fused->second).flatten(1).to(torch::kCPU, torch::kFloat32).contiguous();  // [B, D]
    const auto* next = values.const_data_ptr<float>();
    for (const auto position : positions) {
      features[position].assign(next, next + values.size(1));
      next += values.size(1);
      if (!std::all_of(features[position].begin(), features[position].end(), [](float x) { return std::isfinite(x); }))
        throw Error(fmt::format("the features of clip '{}' are not finite", Impl::name_of(clips[position])));
    }
  });
  return features;
}

const std::vector<DataClip>& Predictor::clips() const noexcept {
  static const std::vector<DataClip> kNone;
  return impl_->data ? impl_->data->clips() : kNone;
}

ClipInput Predictor::input_of(const ExtractedClip& clip, std::string id, std::optional<std::string> text) const {
  auto input = kuda::input_of(clip, std::move(id));
  if (text) input.text = std::move(text);
  if (impl_->checkpoint.facts.is_aligned) align_words(impl_->checkpoint, clip, input);
  return input;
}

void Predictor::check(const ClipInput& clip, const std::string& name) const { impl_->check(clip, name); }

const PredictorFacts& Predictor::facts() const noexcept { return impl_->facts; }

}  // namespace kuda
