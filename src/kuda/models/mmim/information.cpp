#include "kuda/models/mmim/information.h"

#include <fmt/format.h>

#include <vector>

#include "kuda/base/error.h"
#include "kuda/nn/activation.h"

namespace kuda::mmim {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

nn::Functional layer_of(Activation activation) {
  return nn::Functional([activation](const Tensor& x) { return activate(activation, x); });
}

}  // namespace

InformationBoundImpl::InformationBoundImpl(const MmimConfig& config, std::int64_t x_width, std::int64_t y_width)
    : skip_singular_(config.skip_singular), sample_width_(y_width / 4) {
  const auto network = [&] {
    return nn::Sequential(Linear(x_width, y_width), layer_of(config.bound_activation), Linear(y_width, y_width));
  };
  mean_ = register_module("mlp_mu", network());
  log_variance_ = register_module("mlp_logvar", network());
  project_ = register_module("entropy_prj", nn::Sequential(Linear(y_width, sample_width_), nn::Tanh()));
}

Tensor InformationBoundImpl::forward(const Tensor& x, const Tensor& y, const std::string& pair, Trace* trace) {
  const auto mean = as_float32(mean_->forward(x)), log_variance = as_float32(log_variance_->forward(x));  // [B, Dy]
  const auto bound = (-(mean - y).square() / 2 / log_variance.exp()).sum(1).mean();
  if (trace != nullptr) {
    trace->keep("mu_" + pair, mean);
    trace->keep("logvar_" + pair, log_variance);
    trace->keep("lld_" + pair, bound);
  }
  return bound;
}

SignedSamples InformationBoundImpl::samples(const Tensor& y, const Tensor& label) {
  const auto projected = as_float32(project_->forward(y));  // [B, Dy / 4]
  return {projected.index({label > 0}), projected.index({label < 0})};
}

void InformationBoundImpl::begin_training(std::int64_t size, std::int64_t batch_size, torch::Device device) {
  const auto put = [this](const char* name, Tensor& buffer, const Tensor& value) {
    if (buffer.defined())
      buffer.set_data(value);
    else
      buffer = register_buffer(name, value);
  };
  put("memory", memory_, torch::zeros({2, size, batch_size, sample_width_}, device));
  put("memory_counts", counts_, torch::zeros({2, size}, torch::TensorOptions(torch::kInt64).device(device)));
}

void InformationBoundImpl::store(std::int64_t slot, const SignedSamples& samples) {
  for (std::int64_t side = 0; side < 2; ++side) {
    const auto& fresh = samples[static_cast<std::size_t>(side)];
    if (fresh.size(0) > memory_.size(2))
      throw ShapeError(
          fmt::format("MMIM: {} samples, but the memory holds batches of {}", fresh.size(0), memory_.size(2)));
    memory_[side][slot].slice(0, 0, fresh.size(0)).copy_(fresh.detach());
    counts_[side][slot].fill_(fresh.size(0));
  }
}

Tensor InformationBoundImpl::all_samples(std::size_t side, const Tensor& fresh) const {
  const auto row = static_cast<std::int64_t>(side);
  std::vector<Tensor> parts;
  for (std::int64_t slot = 0; slot < memory_.size(1); ++slot)  // a copy: the slots change before the next backward
    parts.push_back(memory_[row][slot].slice(0, 0, counts_[row][slot].item<std::int64_t>()).clone());
  parts.push_back(fresh);
  return torch::cat(parts);
}

Tensor InformationBoundImpl::entropy(const SignedSamples& batch) const {
  const InFloat32 exact;  // a determinant
  std::array<Tensor, 2> logdet;
  for (std::size_t side = 0; side < 2; ++side) {
    const auto all = all_samples(side, batch[side]);  // [n, Dy / 4]
    if (skip_singular_ && all.size(0) <= sample_width_) return torch::zeros({}, all.options());
    const auto centred = all - all.mean(0);
    logdet[side] = torch::logdet(centred.t().matmul(centred) / all.size(0));  // divides by n, not n - 1
  }
  return 0.25 * (logdet[0] + logdet[1]);
}

ContrastiveTermImpl::ContrastiveTermImpl(const MmimConfig& config, std::int64_t x_width) {
  if (config.contrast_layers == 1) {
    single_ = register_module("net", Linear(config.fusion_width, x_width));
    return;
  }
  several_ = register_module(
      "net", nn::Sequential(Linear(config.fusion_width, x_width), layer_of(config.contrast_activation)));
  for (std::int64_t i = 1; i < config.contrast_layers; ++i)
    several_->push_back(Linear(x_width, x_width));  // none between
}

Tensor ContrastiveTermImpl::forward(const Tensor& x, const Tensor& fusion) {
  const auto predicted = as_float32(single_.is_empty() ? several_->forward(fusion) : single_(fusion));  // [B, Dx]
  const InFloat32 exact;  // a softmax over the batch of cosines that differ little
  const auto unit = [](const Tensor& rows) { return rows / rows.norm(2, 1, /*keepdim=*/true); };
  const auto cosine = unit(as_float32(x)).matmul(unit(predicted).t());  // [B, B]
  return (cosine.logsumexp(1) - cosine.diagonal()).mean();
}

}  // namespace kuda::mmim
