#include "kuda/models/model.h"

namespace kuda {

std::vector<ParameterGroup> Model::parameter_groups() {
  ParameterGroup group;
  for (const auto& parameter : parameters())
    if (parameter.requires_grad()) group.parameters.push_back(parameter);
  return {group};
}

void Model::begin_epoch(std::int64_t, std::int64_t) {}

}  // namespace kuda
