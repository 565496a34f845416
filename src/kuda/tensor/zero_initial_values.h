#pragma once
// Modules without their random initial values, where weights are loaded at once: a third of the time from the start of
// the program to the first score.

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace kuda {

/// While it lives, normal_ and uniform_ of this thread (and what is made of them: randn, LibTorch's and our initial
/// values) write zeros and draw nothing. Whoever uses it must load every parameter and buffer afterwards.
class ZeroInitialValues {
 public:
  ZeroInitialValues();

 private:
  // LibTorch has no public way to build a C++ module without its values. This key is one that nothing else in a program
  // listens to; what is registered for it is called before any other kernel.
  c10::impl::IncludeDispatchKeyGuard guard_;
};

}  // namespace kuda
