#include "kuda/training/data_parallel.h"

#include <fmt/format.h>

#include <unordered_set>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::size_t kBucketBytes = std::size_t(25) << 20U;  // of one call: few calls, and little memory besides

/// Without those that come a second time under another name.
std::vector<Tensor> distinct(const std::vector<Tensor>& tensors) {
  std::unordered_set<const void*> seen;
  std::vector<Tensor> found;
  for (const auto& tensor : tensors)
    if (tensor.defined() && seen.insert(tensor.unsafeGetTensorImpl()).second) found.push_back(tensor);
  return found;
}

void sum_in_buckets(const ProcessGroup& group, const std::vector<Tensor>& tensors) {
  for (auto begin = tensors.begin(); begin != tensors.end();) {
    std::vector<Tensor> flat;
    std::vector<std::int64_t> sizes;
    auto end = begin;
    for (std::size_t bytes = 0; end != tensors.end() && bytes < kBucketBytes; bytes += end++->nbytes()) {
      if (end->scalar_type() != begin->scalar_type() || end->device() != begin->device()) break;
      flat.push_back(end->reshape({-1}));
      sizes.push_back(end->numel());
    }
    const auto bucket = torch::cat(flat);
    group.sum(bucket);
    for (const auto& part : bucket.split_with_sizes(sizes)) {
      begin->copy_(part.view(begin->sizes()));
      ++begin;
    }
  }
}

}  // namespace

void check_shares(const TrainConfig& config, const std::string& section, const ProcessGroup& group) {
  if (group.is_alone()) return;
  if (config.accumulate < group.size())
    throw ConfigError(fmt::format("{}.accumulate = {}: expected at least {}, because as many processes share the "
                                  "batches of a step (WORLD_SIZE)",
                                  section, config.accumulate, group.size()),
                      fmt::format("set {0}.accumulate={1} and divide {0}.batch_size by {1}", section, group.size()));
  if (config.clip_each_batch && config.clip_value > 0)
    throw ConfigError(section + ".clip_each_batch clips the sum over the batches so far, which no process has alone",
                      fmt::format("set {}.clip_each_batch=false, or train in one process", section));
}

void sum_step(const ProcessGroup& group, Model& model, StepSums& sums) {
  if (group.is_alone()) return;
  const torch::NoGradGuard no_grad;
  const auto parameters = distinct(model.parameters());
  // The first process has a part in every step, so it knows all terms.
  std::vector<double> facts{sums.loss, double(sums.clips), sums.is_stop_asked ? 1.0 : 0.0,
                            group.is_first() ? double(sums.terms.size()) : 0.0};
  const auto first_parameter = facts.size();
  for (const auto& parameter : parameters) facts.push_back(parameter.grad().defined() ? 1 : 0);
  group.sum(facts);
  sums.loss = facts[0];
  sums.clips = std::int64_t(facts[1]);
  sums.is_stop_asked = facts[2] > 0;

  sums.terms.resize(std::size_t(facts[3]));
  std::vector<double> terms;
  for (const auto& term : sums.terms) terms.insert(terms.end(), {term.sum, double(term.clips)});
  group.sum(terms);
  for (std::size_t i = 0; i < sums.terms.size(); ++i) {
    sums.terms[i].sum = terms[2 * i];
    sums.terms[i].clips = std::int64_t(terms[2 * i + 1]);
  }

  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (facts[first_parameter + i] == 0) continue;
    auto& gradient = parameters[i].mutable_grad();
    if (!gradient.defined()) gradient = torch::zeros_like(parameters[i]);
    gradients.push_back(gradient);
  }
  sum_in_buckets(group, gradients);
}

void share_weights(const ProcessGroup& group, Model& model) {
  if (group.is_alone()) return;
  const torch::NoGradGuard no_grad;
  auto tensors = model.parameters();
  for (const auto& buffer : model.buffers()) tensors.push_back(buffer);
  tensors = distinct(tensors);
  if (!group.is_first())
    for (const auto& tensor : tensors) tensor.zero_();
  sum_in_buckets(group, tensors);
}

}  // namespace kuda
