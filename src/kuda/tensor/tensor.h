#pragma once
// Arrays of files to tensors and back, without a copy where the bytes allow it.

#include <ATen/core/Tensor.h>

#include "kuda/io/array.h"

namespace kuda::io {

/// A tensor over the array's bytes (zero-copy, keeps the owner alive) when aligned and of a dtype LibTorch has;
/// one copy otherwise (unaligned, u16/u32/u64 widened to int64). A write to the result reaches whoever else reads the
/// array; over a mapping that is read-only it ends the program (base/file.h).
[[nodiscard]] at::Tensor to_tensor(const Array& array);

/// An array over a contiguous CPU tensor's storage (keeps it alive). Other tensors are made contiguous first.
[[nodiscard]] Array to_array(const at::Tensor& tensor);

}  // namespace kuda::io
