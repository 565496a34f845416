#pragma once
// Operators that no header of LibTorch declares: looked up, so that a build of it without them does without.
//
//   static const auto op = find_operator("mkldnn::_reorder_linear_weight");
//   if (op) blocked = call(op, {weight, c10::IValue()});

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/torch.h>

#include <optional>

namespace kuda {

/// Nothing where this LibTorch has none of that name.
[[nodiscard]] std::optional<c10::OperatorHandle> find_operator(const char* name);

/// Its first result. Throws what the operator throws, Error where there is none.
[[nodiscard]] c10::IValue call(const std::optional<c10::OperatorHandle>& op, torch::jit::Stack inputs);

/// The tensor, or None for an undefined one.
[[nodiscard]] c10::IValue optional_tensor(const torch::Tensor& x);

}  // namespace kuda
