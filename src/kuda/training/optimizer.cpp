#include "kuda/training/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <unordered_set>

#include "kuda/base/error.h"
#include "kuda/tensor/tensor.h"

namespace kuda {

using torch::Tensor;

Optimizer::Optimizer(Model& model, const TrainConfig& config, std::int64_t phase)
    : model_(model),
      clip_norm_(config.clip_norm),
      clip_value_(config.clip_value),
      lr_(config.lr),
      beta1_(config.betas[0]),
      beta2_(config.betas[1]),
      eps_(config.eps),
      is_sgd_(config.optimizer == OptimizerKind::sgd),
      is_decoupled_(config.optimizer != OptimizerKind::adam),
      has_raw_eps_(config.optimizer == OptimizerKind::adamw_transformers),
      prefix_(phase == 0 ? "optimizer/" : fmt::format("optimizer{}/", phase)) {
  std::unordered_set<const void*> used;
  for (const auto& group : model.parameter_groups()) {
    if (group.phase != phase || group.parameters.empty()) continue;  // empty: everything of this kind is frozen
    groups_.push_back({group.parameters, group.lr < 0 ? config.lr * group.lr_scale : group.lr,
                       group.weight_decay < 0 ? config.weight_decay : group.weight_decay, group.is_scheduled});
    for (const auto& parameter : group.parameters) {
      const bool is_alone = used.insert(parameter.unsafeGetTensorImpl()).second;
      TORCH_INTERNAL_ASSERT(is_alone, "a parameter is in two groups");
      TORCH_INTERNAL_ASSERT(parameter.is_contiguous(), "LibTorch's fused step takes no strided parameter");
    }
  }
  if (groups_.empty()) throw ConfigError("the model has no trainable parameter");
  for (const auto& item : model.named_parameters()) {
    if (!used.contains(item.value().unsafeGetTensorImpl())) continue;
    names_.push_back(item.key());
    parameters_.push_back(item.value());
  }
}

void Optimizer::set_rate(double lr) {
  for (auto& group : groups_)
    group.rate = group.is_scheduled && lr_ > 0 ? group.highest_rate * (lr / lr_) : group.highest_rate;
}

std::string Optimizer::first_non_finite() const {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> norms;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (const auto& gradient = parameters_[i].grad(); gradient.defined()) {
      norms.push_back(gradient.norm(1));  // one pass, no copy; NaN and infinities survive a sum
      owners.push_back(i);
    }
  if (norms.empty()) return {};
  const auto is_finite = torch::stack(norms).isfinite();
  if (is_finite.all().item<bool>()) return {};
  // A sum of huge but finite values overflows too: look at the elements before accusing.
  for (std::size_t i = 0; i < norms.size(); ++i)
    if (!is_finite[std::int64_t(i)].item<bool>() && !parameters_[owners[i]].grad().isfinite().all().item<bool>())
      return names_[owners[i]];
  return {};
}

void Optimizer::clip_values() {
  if (clip_value_ > 0) torch::nn::utils::clip_grad_value_(model_.parameters(), clip_value_);
}

void Optimizer::step() {
  clip_values();
  if (clip_norm_ > 0) torch::nn::utils::clip_grad_norm_(model_.parameters(), clip_norm_);
  const torch::NoGradGuard no_grad;
  for (const auto& group : groups_) step(group);
  clear_gradients();
}

/// LibTorch's fused kernels: one pass over memory for each parameter, where torch::optim makes about ten.
void Optimizer::step(const Group& group) {
  struct Lists {
    std::vector<Tensor> parameters, gradients, first, second;
  };
  std::map<std::int64_t, Lists> by_count;  // a parameter that had no gradient at times has made fewer steps
  for (const auto& parameter : group.parameters) {
    if (!parameter.grad().defined()) continue;
    auto& moments = moments_[parameter.unsafeGetTensorImpl()];
    if (!moments.first.defined()) {
      moments.first = torch::zeros_like(parameter);
      if (!is_sgd_) moments.second = torch::zeros_like(parameter);
    }
    ++moments.steps;
    if (is_sgd_) {  // Sutskever et al. 2013, as torch.optim.SGD has it: no damping, no Nesterov
      moments.first.mul_(beta1_).add_(parameter.grad()).add_(parameter, group.weight_decay);
      parameter.sub_(moments.first, group.rate);
      continue;
    }
    auto& lists = by_count[moments.steps];
    lists.parameters.push_back(parameter);
    lists.gradients.push_back(parameter.grad().contiguous());  // the kernel takes no strides into account
    lists.first.push_back(moments.first);
    lists.second.push_back(moments.second);
  }
  for (const auto& [count, lists] : by_count) {
    const auto options = lists.parameters.front().options().dtype(torch::kFloat32);
    const std::vector<Tensor> counts(lists.parameters.size(), torch::full({}, double(count), options));
    // lr sqrt(c) / (1 - b1^t) * m / (sqrt(v) + eps), c = 1 - b2^t, is LibTorch's step with eps / sqrt(c).
    const double eps = has_raw_eps_ ? eps_ / std::sqrt(1 - std::pow(beta2_, double(count))) : eps_;
    const auto update = [&](auto&& fused) {
      fused(lists.parameters, lists.gradients, lists.first, lists.second, /*max_exp_avg_sqs=*/at::TensorList(), counts,
            group.rate, beta1_, beta2_, group.weight_decay, eps, /*amsgrad=*/false, /*maximize=*/false);
    };
    if (is_decoupled_)
      update([](const auto&... of) { at::_fused_adamw_(of...); });
    else
      update([](const auto&... of) { at::_fused_adam_(of...); });
  }
}

std::map<std::string, io::Array> Optimizer::state() const {
  std::map<std::string, io::Array> arrays;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto found = moments_.find(parameters_[i].unsafeGetTensorImpl());
    if (found == moments_.end()) continue;  // never had a gradient
    const auto& moments = found->second;
    const auto key = prefix_ + names_[i];
    arrays[key + "/first"] = io::to_array(moments.first.cpu());
    if (!is_sgd_) arrays[key + "/second"] = io::to_array(moments.second.cpu());
    arrays[key + "/steps"] = io::make_array({1}, std::vector<std::int64_t>{moments.steps});
  }
  return arrays;
}

void Optimizer::load(const std::map<std::string, io::Array>& arrays) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto key = prefix_ + names_[i];
    if (!arrays.contains(key + "/first")) {
      moments_.erase(parameters_[i].unsafeGetTensorImpl());
      continue;
    }
    const auto moment = [&](const char* which) {
      const auto found = arrays.find(key + which);
      if (found == arrays.end() || parameters_[i].sizes() != c10::IntArrayRef(found->second.shape))
        throw CheckpointError(fmt::format("saved state: {}{}: expected [{}], found {}", key, which,
                                          fmt::join(parameters_[i].sizes(), ", "),
                                          found == arrays.end() ? "nothing" : found->second.describe()));
      return io::to_tensor(found->second).clone().to(parameters_[i].device());
    };
    Moments moments{moment("/first"), is_sgd_ ? Tensor() : moment("/second")};
    const auto steps = arrays.find(key + "/steps");
    if (steps == arrays.end() || steps->second.numel() != 1)
      throw CheckpointError(fmt::format("saved state: {}/steps: expected one number", key));
    moments.steps = steps->second.to_integers(key + "/steps")[0];
    moments_[parameters_[i].unsafeGetTensorImpl()] = std::move(moments);
  }
}

}  // namespace kuda
