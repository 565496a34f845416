#include "kuda/text/operators.h"

#include <utility>

namespace kuda {

std::optional<c10::OperatorHandle> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""});
}

c10::IValue call(const c10::OperatorHandle& op, torch::jit::Stack inputs) {
  op.callBoxed(inputs);
  return std::move(inputs.front());
}

c10::IValue optional_tensor(const torch::Tensor& x) { return x.defined() ? c10::IValue(x) : c10::IValue(); }

}  // namespace kuda
