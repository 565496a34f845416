#include "kuda/training/validation.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "kuda/base/error.h"

namespace kuda {
namespace {

double selecting_loss(const TrainConfig& config, const Losses& losses, const Batch& batch) {
  const auto& wanted = config.select_by == SelectBy::loss ? losses.total : losses.terms.front().second;
  const double loss = wanted.item<double>();
  if (!std::isfinite(loss))
    throw Error(fmt::format("the loss by which epochs are compared is {}\n  clips: {}", loss, list_ids(batch.ids, 64)),
                "`kuda data check` finds NaN and infinities in features; select_by = \"mae\" compares errors");
  return loss;
}

}  // namespace

SplitScore score_split(const TrainingTask& task, const TrainConfig& config, const std::vector<std::int64_t>& rows,
                       const TrainingRun& run) {
  SplitScore found;
  if (rows.empty()) return found;
  PredictOptions options{
      .batch_size = config.scoring_batch_size(), .device = task.device, .stop = run.stop, .group = run.group};
  std::vector<double> losses;  // by batch; each process fills in those that it scores
  auto next = std::size_t(run.group.rank());
  if (config.select_by != SelectBy::mae) {
    losses.resize(in_batches(rows, options.batch_size).size());
    options.each_batch = [&](const Output& output, const Batch& batch) {
      losses[next] = selecting_loss(config, task.model->loss(output, batch), batch);
      next += std::size_t(run.group.size());
    };
  }
  std::vector<float> scores, labels;
  for (const auto& prediction : predict_rows(*task.model, task.collate, rows, options)) {
    scores.push_back(prediction.score);
    labels.push_back(prediction.label);
  }
  run.group.sum(losses);
  const auto metrics = evaluate_metrics(task.family, scores, labels);
  found.mae = metrics.value("MAE");
  found.corr = metrics.value("Corr");
  if (!losses.empty()) found.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / double(losses.size());
  return found;
}

}  // namespace kuda
