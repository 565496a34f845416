#include "kuda/training/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_set>

#include "kuda/base/error.h"
#include "kuda/io/tensor.h"

namespace kuda {

using torch::Tensor;
using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;

Optimizer::Optimizer(Model& model, const TrainConfig& config)
    : clip_norm_(config.clip_norm), clip_value_(config.clip_value) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  std::unordered_set<const void*> used;
  for (const auto& group : model.parameter_groups()) {
    if (group.parameters.empty()) continue;  // everything of this kind is frozen
    auto options = std::make_unique<AdamWOptions>(config.lr * group.lr_scale);
    options->betas({config.betas[0], config.betas[1]}).eps(config.eps);
    options->weight_decay(group.weight_decay < 0 ? config.weight_decay : group.weight_decay);
    groups.emplace_back(group.parameters, std::move(options));
    scales_.push_back(group.lr_scale);
    for (const auto& parameter : group.parameters) used.insert(parameter.unsafeGetTensorImpl());
  }
  if (groups.empty()) throw ConfigError("the model has no trainable parameter");
  adamw_ = std::make_unique<torch::optim::AdamW>(groups, AdamWOptions(config.lr));
  for (const auto& item : model.named_parameters()) {
    if (!used.contains(item.value().unsafeGetTensorImpl())) continue;
    names_.push_back(item.key());
    parameters_.push_back(item.value());
  }
}

void Optimizer::set_rate(double lr) {
  for (std::size_t i = 0; i < scales_.size(); ++i) adamw_->param_groups()[i].options().set_lr(lr * scales_[i]);
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

void Optimizer::step() {
  if (clip_value_ > 0) torch::nn::utils::clip_grad_value_(parameters_, clip_value_);
  if (clip_norm_ > 0) torch::nn::utils::clip_grad_norm_(parameters_, clip_norm_);
  adamw_->step();
  adamw_->zero_grad();
}

std::map<std::string, io::Array> Optimizer::state() const {
  std::map<std::string, io::Array> arrays;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto found = adamw_->state().find(parameters_[i].unsafeGetTensorImpl());
    if (found == adamw_->state().end()) continue;  // never had a gradient
    const auto& moments = static_cast<const AdamWParamState&>(*found->second);
    const auto key = "optimizer/" + names_[i];
    arrays[key + "/first"] = io::to_array(moments.exp_avg().cpu());
    arrays[key + "/second"] = io::to_array(moments.exp_avg_sq().cpu());
    arrays[key + "/steps"] = io::make_array({1}, std::vector<std::int64_t>{moments.step()});
  }
  return arrays;
}

void Optimizer::load(const std::map<std::string, io::Array>& arrays) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto key = "optimizer/" + names_[i];
    if (!arrays.contains(key + "/first")) continue;
    const auto moment = [&](const char* which) {
      const auto found = arrays.find(key + which);
      if (found == arrays.end() || parameters_[i].sizes() != c10::IntArrayRef(found->second.shape))
        throw CheckpointError(fmt::format("saved state: {}{}: expected [{}], found {}", key, which,
                                          fmt::join(parameters_[i].sizes(), ", "),
                                          found == arrays.end() ? "nothing" : found->second.describe()));
      return io::to_tensor(found->second).clone().to(parameters_[i].device());
    };
    auto moments = std::make_unique<AdamWParamState>();
    moments->exp_avg(moment("/first"));
    moments->exp_avg_sq(moment("/second"));
    const auto steps = arrays.find(key + "/steps");
    if (steps == arrays.end() || steps->second.numel() != 1)
      throw CheckpointError(fmt::format("saved state: {}/steps: expected one number", key));
    moments->step(steps->second.to_integers(key + "/steps")[0]);
    adamw_->state()[parameters_[i].unsafeGetTensorImpl()] = std::move(moments);
  }
}

}  // namespace kuda
