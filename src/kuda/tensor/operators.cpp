#include "kuda/tensor/operators.h"

#include <utility>

#include "kuda/base/error.h"

namespace kuda {

std::optional<c10::OperatorHandle> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchema({name, ""});
}

c10::IValue call(const std::optional<c10::OperatorHandle>& op, torch::jit::Stack inputs) {
  if (!op) throw Error("this LibTorch has no such operator");
  op->callBoxed(inputs);
  return std::move(inputs.front());
}

c10::IValue optional_tensor(const torch::Tensor& x) { return x.defined() ? c10::IValue(x) : c10::IValue(); }

}  // namespace kuda
