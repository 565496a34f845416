#include "kuda/serve/predictor.h"

#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <mutex>

#include "kuda/base/error.h"
#include "kuda/explain/explain.h"
#include "kuda/serve/clip_data.h"
#include "kuda/training/predict.h"
#include "kuda/training/session.h"

namespace kuda {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

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
  facts.inputs[0] = {in_use[0], text == TextKind::features ? from.shape.text_width : 0, from.shape.text_length};
  facts.inputs[1] = {in_use[1], from.shape.vision_width, from.shape.vision_length};
  facts.inputs[2] = {in_use[2], from.shape.audio_width, from.shape.audio_length};
  for (auto& input : facts.inputs)
    if (!input.is_in_use) input = {};
  facts.score_low = from.score_low;
  facts.score_high = from.score_high;
  facts.data = from.data_name;
  facts.is_synthetic = from.is_synthetic;
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
  std::mutex forward;  ///< held while the model works

  Impl(const std::filesystem::path& folder, const PredictorOptions& chosen)
      : options(chosen), checkpoint(load_without_trace(folder)), device(device_of(chosen.device)) {
    if (options.batch_size < 1)
      throw ConfigError(fmt::format("batch size {}: expected at least 1", options.batch_size));
    if (!(options.level > 0 && options.level < 1))
      throw ConfigError(fmt::format("level {}: expected a probability between 0 and 1", options.level));
    checkpoint.config.collate.text_source = "tokens";  // clip_data.h
    checkpoint.model->to(device);
    facts = facts_of(checkpoint, options);
  }

  [[nodiscard]] std::optional<ScoreInterval> interval(const ClipInput& clip, float score) const {
    if (!checkpoint.calibration) return std::nullopt;
    for (const auto modality : kModalities)
      if (facts.inputs[static_cast<std::size_t>(modality)].is_in_use && !clip.has(modality)) return std::nullopt;
    const auto found = checkpoint.calibration->interval(score, options.level, options.form);
    return found.is_determined() ? std::optional<ScoreInterval>(found) : std::nullopt;
  }

  /// Without what is said of modalities that the clip lacks: the model has an answer to a frame of zeros, too.
  static Explanation of_what_is_there(const ClipInput& clip, Explanation found) {
    for (const auto modality : kModalities) {
      if (clip.has(modality)) continue;
      const auto m = static_cast<std::size_t>(modality);
      found.unimodal[m] = kUnknown;
      found.without[m] = found.share[m] = kUndefined;
      found.attention[m].reset();
    }
    return found;
  }

  [[nodiscard]] ClipScore score_of(const ClipInput& clip, const Explanation& found) const {
    ClipScore score;
    score.id = clip.id;
    score.score = found.score;
    for (std::size_t m = 0; m < 3; ++m) score.unimodal[m] = known(found.unimodal[m]);
    score.interval = interval(clip, found.score);
    score.leading = found.leading(Evidence::unimodal);
    return score;
  }

  /// Calls `work(collate, rows, group)` for each part of at most batch_size clips, with the model to itself.
  template <class Work>
  void for_each_batch(std::span<const ClipInput> clips, Work work) {
    for (std::size_t i = 0; i < clips.size(); ++i)
      check_clip(checkpoint, clips[i], clips[i].id.empty() ? fmt::format("clip {}", i + 1) : clips[i].id);
    for (const auto& group : groups_of(checkpoint, clips)) {
      const auto dataset = dataset_of(checkpoint, clips, group);
      const auto collator = make_collator(checkpoint, dataset);
      for (const auto& rows : in_batches(rows_to(group.size()), options.batch_size)) {
        const auto begin = Clock::now();
        const auto batch = collator(rows);
        std::vector<std::size_t> positions;
        for (const auto row : rows) positions.push_back(group[std::size_t(row)]);
        const std::lock_guard lock(forward);
        const torch::InferenceMode inference;
        work([&](const std::vector<std::int64_t>&) { return batch; }, rows, positions, begin);
      }
    }
  }

  [[nodiscard]] PredictOptions predict_options() const {
    PredictOptions predict;
    predict.batch_size = options.batch_size;
    predict.device = device;
    return predict;
  }

 private:
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
  impl_->for_each_batch(clips, [&](const Collate& collate, const std::vector<std::int64_t>& rows,
                                   const std::vector<std::size_t>& positions, Clock::time_point begin) {
    const auto predictions = predict_rows(*impl_->checkpoint.model, collate, rows, impl_->predict_options());
    const auto seconds = seconds_since(begin);
    for (std::size_t i = 0; i < predictions.size(); ++i) {
      Explanation found;
      found.score = predictions[i].score;
      found.unimodal = predictions[i].unimodal;
      auto& score = scores[positions[i]];
      const auto& clip = clips[positions[i]];
      score = impl_->score_of(clip, Impl::of_what_is_there(clip, found));
      score.batch_clips = std::int64_t(rows.size());
      score.seconds = seconds;
    }
  });
  return scores;
}

std::vector<ClipExplanation> Predictor::explain(std::span<const ClipInput> clips, bool with_attention) const {
  std::vector<ClipExplanation> explanations(clips.size());
  impl_->for_each_batch(clips, [&](const Collate& collate, const std::vector<std::int64_t>& rows,
                                   const std::vector<std::size_t>& positions, Clock::time_point begin) {
    const auto all = explain_rows(*impl_->checkpoint.model, collate, rows, impl_->predict_options(), with_attention);
    const auto seconds = seconds_since(begin);
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto& explanation = explanations[positions[i]];
      const auto& clip = clips[positions[i]];
      const auto found = Impl::of_what_is_there(clip, all[i]);
      explanation.clip = impl_->score_of(clip, found);
      explanation.clip.batch_clips = std::int64_t(rows.size());
      explanation.clip.seconds = seconds;
      for (std::size_t m = 0; m < 3; ++m) {
        explanation.without[m] = known(found.without[m]);
        explanation.share[m] = known(found.share[m]);
        if (const auto& map = found.attention[m])
          explanation.attention[m] = ClipExplanation::Attention{map->rows, map->columns, map->weights};
      }
      explanation.by_unimodal = found.leading(Evidence::unimodal);
      explanation.by_share = found.leading(Evidence::share);
      explanation.by_removal = found.leading(Evidence::removal);
    }
  });
  return explanations;
}

void Predictor::check(const ClipInput& clip, const std::string& name) const {
  check_clip(impl_->checkpoint, clip, name);
}

const PredictorFacts& Predictor::facts() const noexcept { return impl_->facts; }

}  // namespace kuda
