#include "kuda/nn/unimodal_labels.h"

#include <fmt/format.h>

#include <string>

#include "kuda/base/error.h"

namespace kuda {

using torch::Tensor;

void UnimodalLabelsImpl::begin_training(const std::vector<std::int64_t>& rows, const Tensor& labels) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(rows.size());
  if (labels.dim() != 1 || labels.size(0) != count)
    throw ShapeError(fmt::format("label bank: {} rows, but {} labels", count, labels.numel()));
  position_of_row_.clear();
  for (std::int64_t i = 0; i < count; ++i) position_of_row_[rows[static_cast<std::size_t>(i)]] = i;
  const auto put = [this](const std::string& name, Tensor& buffer, const Tensor& value) {
    if (buffer.defined())
      buffer.set_data(value);
    else
      buffer = register_buffer(name, value);
  };
  put("labels", labels_, labels.to(torch::kFloat32).expand({4, count}).contiguous());
  for (std::size_t head = 0; head < 4; ++head) {
    const auto width = options_.widths[head];
    put(fmt::format("features_{}", kLabelHeads[head]), features_[head], torch::zeros({count, width}, labels.device()));
    put(fmt::format("centres_{}", kLabelHeads[head]), centres_[head], torch::zeros({2, width}, labels.device()));
  }
}

Tensor UnimodalLabelsImpl::positions(const std::vector<std::int64_t>& rows) const {
  std::vector<std::int64_t> at;
  for (const auto row : rows) {
    const auto found = position_of_row_.find(row);
    if (found == position_of_row_.end())
      throw DataError(fmt::format("row {} is not one of the {} clips whose labels are generated while training", row,
                                  position_of_row_.size()));
    at.push_back(found->second);
  }
  return torch::tensor(at, labels_.options().dtype(torch::kInt64));
}

Tensor UnimodalLabelsImpl::labels(const std::vector<std::int64_t>& rows) const {
  return labels_.index_select(1, positions(rows));
}

void UnimodalLabelsImpl::update(const PerHead& features, const std::vector<std::int64_t>& rows, std::int64_t epoch) {
  const torch::NoGradGuard no_grad;
  const auto at = positions(rows);
  // The order matters: labels use the centres that the batch before left.
  if (epoch > 1) update_labels(features, at, epoch);
  for (std::size_t head = 0; head < 4; ++head) features_[head].index_copy_(0, at, features[head].detach());
  update_centres();
}

void UnimodalLabelsImpl::update_labels(const PerHead& features, const Tensor& at, std::int64_t epoch) {
  constexpr double kTiny = 1e-8;
  PerHead delta;  // (D_n - D_p) / D_p of each clip, [B]
  for (std::size_t head = 0; head < 4; ++head) {
    const auto to_positive = (features[head] - centres_[head][0]).norm(2, 1);
    const auto to_negative = (features[head] - centres_[head][1]).norm(2, 1);
    delta[head] = (to_negative - to_positive) / (to_positive + kTiny);
  }
  const auto label = labels_[0].index_select(0, at);  // of the fusion head: never changes
  const double step = 2.0 / double(epoch + 1);
  for (std::size_t head = 1; head < 4; ++head) {
    const auto ratio = delta[head] / (delta[0] + kTiny);
    const auto fresh =
        (0.5 * ratio * label + 0.5 * (label + delta[head] - delta[0])).clamp(-options_.limit, options_.limit);
    auto bank = labels_[static_cast<std::int64_t>(head)];
    bank.index_copy_(0, at, (1 - step) * bank.index_select(0, at) + step * fresh);
  }
}

void UnimodalLabelsImpl::update_centres() {
  const torch::NoGradGuard no_grad;
  for (std::size_t head = 0; head < 4; ++head) {
    const auto bank = labels_[static_cast<std::int64_t>(head)];
    const auto is_positive = options_.exclude_zero ? bank > 0 : bank >= 0;
    const std::array<Tensor, 2> sides{is_positive, bank < 0};
    for (std::size_t side = 0; side < 2; ++side) {
      const auto members = features_[head].index({sides[side]});  // [n, width]
      if (members.size(0) == 0 && options_.keep_empty_centres) continue;
      centres_[head][static_cast<std::int64_t>(side)].copy_(members.mean(0));
    }
  }
}

}  // namespace kuda
