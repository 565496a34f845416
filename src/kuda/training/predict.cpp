#include "kuda/training/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda {
namespace {

/// [B] of any device to floats; NaN for each clip where the tensor is undefined.
std::vector<float> floats_of(const torch::Tensor& values, std::int64_t size) {
  if (!values.defined()) return std::vector<float>(std::size_t(size), kUnknown);
  const auto flat = values.detach().to(torch::kCPU, torch::kFloat32).reshape({-1}).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

void check_finite(const std::vector<Prediction>& predictions, std::size_t begin) {
  std::vector<std::string> ids;
  for (std::size_t i = begin; i < predictions.size(); ++i)
    if (!std::isfinite(predictions[i].score)) ids.push_back(predictions[i].id);
  if (!ids.empty())
    throw Error(fmt::format("the score of {} clips is not finite: {}", ids.size(), list_ids(ids)),
                "`kuda data check` finds NaN and infinities in features");
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
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (options.stop != nullptr && *options.stop) throw Interrupted("stopped while scoring clips");
    const auto batch = collate(batches[i]).to(options.device);
    const auto output = model.forward(batch, nullptr);
    if (options.each_batch) options.each_batch(output, batch);
    const auto scores = floats_of(output.score, batch.size()), labels = floats_of(batch.label, batch.size());
    std::array<std::vector<float>, 3> unimodal, own_labels;
    for (std::size_t m = 0; m < 3; ++m) {
      unimodal[m] = floats_of(output.unimodal[m], batch.size());
      own_labels[m] = floats_of(batch.unimodal_labels[m], batch.size());
    }
    const auto begin = predictions.size();
    for (std::size_t k = 0; k < batch.ids.size(); ++k)
      predictions.push_back({batch.ids[k],
                             Split::test,
                             labels[k],
                             scores[k],
                             {unimodal[0][k], unimodal[1][k], unimodal[2][k]},
                             {own_labels[0][k], own_labels[1][k], own_labels[2][k]}});
    check_finite(predictions, begin);
    if (options.progress != nullptr)
      options.progress->step({options.task, 0, 0, std::int64_t(i) + 1, std::int64_t(batches.size()), batch.size(),
                              std::numeric_limits<double>::quiet_NaN()});
  }
  return predictions;
}

}  // namespace kuda
