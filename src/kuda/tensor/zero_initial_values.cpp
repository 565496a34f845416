#include "kuda/tensor/zero_initial_values.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>
#include <torch/torch.h>

namespace kuda {
namespace {

torch::Tensor& zeros_for_two(torch::Tensor& self, double, double, std::optional<at::Generator>) { return self.zero_(); }

}  // namespace

// Not in the header: whoever makes one must also link what is registered below.
ZeroInitialValues::ZeroInitialValues() : guard_(c10::DispatchKey::TESTING_ONLY_GenericMode) {}

namespace {

/// As TORCH_LIBRARY_IMPL does it. The Python package holds this code in two of its modules, and LibTorch takes a
/// registration once: the module that is loaded first makes it for both.
[[maybe_unused]] const bool is_registered = [] {
  constexpr auto kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;
  if (c10::Dispatcher::singleton().hasBackendFallbackForDispatchKey(kKey)) return true;
  static torch::Library all(torch::Library::IMPL, "_", kKey, __FILE__, __LINE__);
  all.fallback(torch::CppFunction::makeFallthrough());
  static torch::Library aten(torch::Library::IMPL, "aten", kKey, __FILE__, __LINE__);
  aten.impl("normal_", &zeros_for_two);
  aten.impl("uniform_", &zeros_for_two);
  return true;
}();

}  // namespace

}  // namespace kuda
