#include "kuda/training/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "kuda/base/error.h"
#include "kuda/io/tensor.h"

namespace kuda {

using torch::Tensor;
using torch::optim::AdamOptions;
using torch::optim::AdamParamState;
using torch::optim::AdamWOptions;
using torch::optim::AdamWParamState;

namespace {

template <class Options>
std::unique_ptr<torch::optim::OptimizerOptions> options_of(const TrainConfig& config, double lr, double weight_decay) {
  auto options = std::make_unique<Options>(lr);
  options->betas({config.betas[0], config.betas[1]}).eps(config.eps).weight_decay(weight_decay);
  return options;
}

/// First moment, second moment, steps.
struct Moments {
  Tensor first, second;
  std::int64_t steps = 0;
};

template <class State>
Moments moments_in(const torch::optim::OptimizerParamState& state) {
  const auto& moments = static_cast<const State&>(state);
  return {moments.exp_avg(), moments.exp_avg_sq(), moments.step()};
}

template <class State>
std::unique_ptr<torch::optim::OptimizerParamState> state_from(const Moments& moments) {
  auto state = std::make_unique<State>();
  state->exp_avg(moments.first);
  state->exp_avg_sq(moments.second);
  state->step(moments.steps);
  return state;
}

}  // namespace

Optimizer::Optimizer(Model& model, const TrainConfig& config, std::int64_t phase)
    : model_(model),
      clip_norm_(config.clip_norm),
      clip_value_(config.clip_value),
      lr_(config.lr),
      is_decoupled_(config.optimizer != "adam"),
      raw_eps_(config.optimizer == "adamw_transformers" ? config.eps : 0),
      prefix_(phase == 0 ? "optimizer/" : fmt::format("optimizer{}/", phase)) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  std::unordered_set<const void*> used;
  for (const auto& group : model.parameter_groups()) {
    if (group.phase != phase || group.parameters.empty()) continue;  // empty: everything of this kind is frozen
    const double rate = group.lr < 0 ? config.lr * group.lr_scale : group.lr;
    const double weight_decay = group.weight_decay < 0 ? config.weight_decay : group.weight_decay;
    groups.emplace_back(group.parameters, is_decoupled_ ? options_of<AdamWOptions>(config, rate, weight_decay)
                                                        : options_of<AdamOptions>(config, rate, weight_decay));
    rates_.push_back(rate);
    is_scheduled_.push_back(group.is_scheduled);
    for (const auto& parameter : group.parameters) used.insert(parameter.unsafeGetTensorImpl());
  }
  if (groups.empty()) throw ConfigError("the model has no trainable parameter");
  if (is_decoupled_)
    optimizer_ = std::make_unique<torch::optim::AdamW>(groups, AdamWOptions(config.lr));
  else
    optimizer_ = std::make_unique<torch::optim::Adam>(groups, AdamOptions(config.lr));
  for (const auto& item : model.named_parameters()) {
    if (!used.contains(item.value().unsafeGetTensorImpl())) continue;
    names_.push_back(item.key());
    parameters_.push_back(item.value());
  }
  set_rate(lr_);  // LibTorch takes a group's option for unset where it equals the class's default (lr 1e-3)
}

void Optimizer::set_rate(double lr) {
  for (std::size_t i = 0; i < rates_.size(); ++i)
    optimizer_->param_groups()[i].options().set_lr(is_scheduled_[i] && lr_ > 0 ? rates_[i] * (lr / lr_) : rates_[i]);
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

/// lr sqrt(c) / (1 - b1^t) * m / (sqrt(v) + eps), c = 1 - b2^t, is LibTorch's step with eps / sqrt(c).
void Optimizer::correct_eps() {
  std::int64_t steps = 1;
  for (const auto& [parameter, state] : optimizer_->state())
    steps = std::max(steps, static_cast<const AdamWParamState&>(*state).step() + 1);
  for (auto& group : optimizer_->param_groups()) {
    auto& options = static_cast<AdamWOptions&>(group.options());
    options.eps(raw_eps_ / std::sqrt(1 - std::pow(std::get<1>(options.betas()), double(steps))));
  }
}

void Optimizer::step() {
  clip_values();
  if (clip_norm_ > 0) torch::nn::utils::clip_grad_norm_(model_.parameters(), clip_norm_);
  if (raw_eps_ > 0) correct_eps();
  optimizer_->step();
  clear_gradients();
}

std::map<std::string, io::Array> Optimizer::state() const {
  std::map<std::string, io::Array> arrays;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto found = optimizer_->state().find(parameters_[i].unsafeGetTensorImpl());
    if (found == optimizer_->state().end()) continue;  // never had a gradient
    const auto moments =
        is_decoupled_ ? moments_in<AdamWParamState>(*found->second) : moments_in<AdamParamState>(*found->second);
    const auto key = prefix_ + names_[i];
    arrays[key + "/first"] = io::to_array(moments.first.cpu());
    arrays[key + "/second"] = io::to_array(moments.second.cpu());
    arrays[key + "/steps"] = io::make_array({1}, std::vector<std::int64_t>{moments.steps});
  }
  return arrays;
}

void Optimizer::load(const std::map<std::string, io::Array>& arrays) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto key = prefix_ + names_[i];
    if (!arrays.contains(key + "/first")) {
      optimizer_->state().erase(parameters_[i].unsafeGetTensorImpl());
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
    Moments moments{moment("/first"), moment("/second")};
    const auto steps = arrays.find(key + "/steps");
    if (steps == arrays.end() || steps->second.numel() != 1)
      throw CheckpointError(fmt::format("saved state: {}/steps: expected one number", key));
    moments.steps = steps->second.to_integers(key + "/steps")[0];
    optimizer_->state()[parameters_[i].unsafeGetTensorImpl()] =
        is_decoupled_ ? state_from<AdamWParamState>(moments) : state_from<AdamParamState>(moments);
  }
}

}  // namespace kuda
