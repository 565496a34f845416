#include "kuda/checkpoint/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/interruption.h"
#include "kuda/base/names.h"
#include "kuda/data/removal.h"

namespace kuda {
namespace {

/// [B] of any device to floats; NaN for each clip where the tensor is undefined.
std::vector<float> floats_of(const torch::Tensor& values, std::int64_t size) {
  if (!values.defined()) return std::vector<float>(std::size_t(size), kUnknown);
  const auto flat = values.detach().to(torch::kCPU, torch::kFloat32).reshape({-1}).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

void add_clips(std::vector<Prediction>& predictions, const Batch& batch) {
  const auto labels = floats_of(batch.label, batch.size());
  PerModality<std::vector<float>> own_labels;
  for (const auto m : kModalities) own_labels[m] = floats_of(batch.unimodal_labels[m], batch.size());
  for (std::size_t k = 0; k < batch.ids.size(); ++k)
    predictions.push_back({batch.ids[k],
                           Split::test,
                           labels[k],
                           0,
                           {0, 0, 0},  // until scored: share_scores adds
                           {own_labels.text[k], own_labels.vision[k], own_labels.audio[k]},
                           {0, 0, 0},
                           {0, 0, 0},
                           0});
}

/// Of the clips from `begin` on, which are those of the batch. A modality that a clip lacks has no weight and no part
/// in its score, also where the model, of a clip that lacks all, weighs the decoders' answers to nothing.
void fill_scores(std::vector<Prediction>& predictions, std::size_t begin, const Output& output, const Batch& batch) {
  const auto size = std::int64_t(predictions.size() - begin);
  const auto scores = floats_of(output.score, size);
  const bool has_parts =
      std::any_of(output.parts.begin(), output.parts.end(), [](const auto& p) { return p.defined(); });
  for (std::size_t k = 0; k < scores.size(); ++k) {
    predictions[begin + k].score = scores[k];
    predictions[begin + k].correction = has_parts ? scores[k] : kUnknown;
  }
  for (const auto m : kModalities) {
    const auto unimodal = floats_of(output.unimodal[m], size), ratio = floats_of(output.ratio[m], size),
               parts = floats_of(output.parts[m], size);
    const auto lacks = floats_of(output.ratio[m].defined() ? missing_clips(batch, m) : torch::Tensor(), size);
    for (std::size_t k = 0; k < scores.size(); ++k) {
      auto& prediction = predictions[begin + k];
      prediction.unimodal[m] = unimodal[k];
      const bool is_missing = lacks[k] == 1;
      prediction.ratio[m] = is_missing ? 0 : ratio[k];
      prediction.parts[m] = is_missing ? kUnknown : parts[k];
      if (!std::isnan(prediction.parts[m])) prediction.correction -= prediction.parts[m];
    }
  }
}

/// Each clip was scored by one process, and is zero in the others.
void share_scores(const ProcessGroup& group, std::vector<Prediction>& predictions) {
  if (group.is_alone()) return;
  std::vector<double> values;  // eleven a clip
  for (const auto& p : predictions) {
    values.push_back(p.score);
    values.push_back(p.correction);
    for (const auto& of_each : {p.unimodal, p.ratio, p.parts})
      values.insert(values.end(), of_each.begin(), of_each.end());
  }
  group.sum(values);
  auto value = values.begin();
  for (auto& p : predictions) {
    p.score = float(*value++);
    p.correction = float(*value++);
    for (auto* of_each : {&p.unimodal, &p.ratio, &p.parts})
      for (auto& number : *of_each) number = float(*value++);
  }
}

void check_finite(const std::vector<Prediction>& predictions, std::size_t begin) {
  std::vector<std::string> ids;
  for (std::size_t i = begin; i < predictions.size(); ++i)
    if (!std::isfinite(predictions[i].score)) ids.push_back(predictions[i].id);
  if (!ids.empty())
    throw Error(fmt::format("the score of {} clips is not finite: {}", ids.size(), list_ids(ids)),
                "`kuda data check` finds NaN and infinities in features");
}

/// Scores the clips of the batch, which are the last of `predictions`. The caller has put the model into eval mode.
void score_batch(std::vector<Prediction>& predictions, Model& model, const Batch& batch,
                 const PredictOptions& options) {
  const auto begin = predictions.size() - std::size_t(batch.size());
  const auto there = batch.to(options.device);
  const Autocast autocast(model.precision(), options.device);
  if (options.trace != nullptr) *options.trace = Trace();
  const auto output = model.forward(there, options.trace);
  if (options.each_batch) options.each_batch(output, there);
  fill_scores(predictions, begin, output, there);
  check_finite(predictions, begin);
}

}  // namespace

std::string list_ids(const std::vector<std::string>& ids, std::size_t most) {
  if (ids.size() <= most) return join(ids);
  return join({ids.begin(), ids.begin() + std::ptrdiff_t(most)}) + fmt::format(" and {} more", ids.size() - most);
}

std::vector<std::vector<std::int64_t>> in_batches(const std::vector<std::int64_t>& rows, std::int64_t size) {
  std::vector<std::vector<std::int64_t>> batches;
  for (std::size_t begin = 0; begin < rows.size(); begin += std::size_t(size)) {
    const auto end = std::min(rows.size(), begin + std::size_t(size));
    batches.emplace_back(rows.begin() + std::ptrdiff_t(begin), rows.begin() + std::ptrdiff_t(end));
  }
  return batches;
}

std::vector<Prediction> predict_rows(Model& model, const Collate& collate, const std::vector<std::int64_t>& rows,
                                     const PredictOptions& options) {
  if (options.batch_size < 1) throw ConfigError(fmt::format("batch size {}: expected at least 1", options.batch_size));
  const EvalMode eval(model);
  const torch::NoGradGuard no_grad;
  std::vector<Prediction> predictions;
  predictions.reserve(rows.size());
  const auto batches = in_batches(rows, options.batch_size);
  options.group.together([&] {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (options.stop != nullptr && *options.stop) throw Interrupted("stopped while scoring clips");
      stop_where_asked();
      const auto batch = collate(batches[i]);  // also where another process scores it, for ids and labels
      add_clips(predictions, batch);
      if (int(i % std::size_t(options.group.size())) == options.group.rank())
        score_batch(predictions, model, batch, options);
      if (options.progress != nullptr)
        options.progress->step({options.task, 0, 0, std::int64_t(i) + 1, std::int64_t(batches.size()), batch.size(),
                                std::numeric_limits<double>::quiet_NaN()});
    }
  });
  share_scores(options.group, predictions);
  return predictions;
}

std::vector<Prediction> predict_batch(Model& model, const Batch& batch, const PredictOptions& options) {
  const EvalMode eval(model);
  const torch::NoGradGuard no_grad;
  std::vector<Prediction> predictions;
  add_clips(predictions, batch);
  score_batch(predictions, model, batch, options);
  return predictions;
}

}  // namespace kuda
