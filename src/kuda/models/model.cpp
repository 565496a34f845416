#include "kuda/models/model.h"

#include <algorithm>
#include <unordered_set>

#include "kuda/base/error.h"
#include "kuda/tensor/linear.h"
#include "kuda/tensor/positions.h"

namespace kuda {

std::vector<ParameterGroup> Model::parameter_groups() {
  ParameterGroup group;
  for (const auto& parameter : parameters())
    if (parameter.requires_grad()) group.parameters.push_back(parameter);
  return {group};
}

void Model::begin_epoch(std::int64_t, std::int64_t) {}

bool Model::has_independent_batches() const {
  const auto buffers = named_buffers();
  return std::none_of(buffers.begin(), buffers.end(),
                      [](const auto& buffer) { return buffer.key().ends_with("running_mean"); });  // of batch norm
}

void Model::leave_out_padding(bool is_on) {
  if (is_padding_invariant()) return skip_padding(*this, is_on);
  for (const auto& part : modules(/*include_self=*/false))
    if (dynamic_cast<const BertImpl*>(part.get()) != nullptr) skip_padding(*part, is_on && ignores_padded_pieces());
}

void Model::prepare_for_scoring(Precision precision) {
  eval();
  use_precision(precision);
  for (const auto& part : modules(/*include_self=*/false))
    if (dynamic_cast<const BertImpl*>(part.get()) != nullptr) kuda::prepare_for_scoring(*part, precision);
  kuda::prepare_for_scoring(*this, precision == Precision::int8 ? Precision::fp32 : precision);  // what is left
}

void Model::train(bool is_on) {
  if (is_on && is_prepared(*this)) throw Error("a model that was prepared for scoring cannot be trained");
  torch::nn::Module::train(is_on);
}

std::int64_t parameters_without_encoder(const Model& model) {
  std::unordered_set<const void*> left_out;  // and those counted: a tensor may have two names
  for (const auto& module : model.modules(/*include_self=*/false))
    if (dynamic_cast<const BertImpl*>(module.get()) != nullptr)
      for (const auto& parameter : module->parameters()) left_out.insert(parameter.unsafeGetTensorImpl());
  std::int64_t count = 0;
  for (const auto& parameter : model.parameters())
    if (left_out.insert(parameter.unsafeGetTensorImpl()).second) count += parameter.numel();
  return count;
}

}  // namespace kuda
