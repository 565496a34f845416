#include "kuda/nn/freezing.h"

#include <string>

namespace kuda {

void freeze_layers(BertImpl& bert, std::int64_t layers) {
  const std::string prefix = "encoder.layer.";
  for (auto& item : bert.named_parameters()) {
    const auto& name = item.key();
    if (layers < 0 || (name.starts_with(prefix) && std::stoll(name.substr(prefix.size())) < layers))
      item.value().requires_grad_(false);
  }
}

}  // namespace kuda
