#include "kuda/tensor/tensor.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarType.h>
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kuda/base/error.h"

namespace kuda::io {
namespace {

struct TorchType {
  DType dtype;
  at::ScalarType torch;
};

constexpr std::array<TorchType, 10> kTorchTypes{{{DType::boolean, at::kBool},
                                                 {DType::u8, at::kByte},
                                                 {DType::i8, at::kChar},
                                                 {DType::i16, at::kShort},
                                                 {DType::i32, at::kInt},
                                                 {DType::i64, at::kLong},
                                                 {DType::f16, at::kHalf},
                                                 {DType::bf16, at::kBFloat16},
                                                 {DType::f32, at::kFloat},
                                                 {DType::f64, at::kDouble}}};

/// Unsigned types beyond 8 bits exist in LibTorch in name but have almost no operators: those become int64.
at::ScalarType scalar_type(DType dtype) {
  for (const TorchType& type : kTorchTypes)
    if (type.dtype == dtype) return type.torch;
  return at::kLong;
}

DType dtype_of(const at::Tensor& tensor) {
  for (const TorchType& type : kTorchTypes)
    if (type.torch == tensor.scalar_type()) return type.dtype;
  throw DataError(fmt::format("a tensor of type {} has no counterpart in files", c10::toString(tensor.scalar_type())));
}

bool is_widened(DType dtype) { return dtype == DType::u16 || dtype == DType::u32 || dtype == DType::u64; }

at::Tensor copied_tensor(const Array& array) {
  at::Tensor tensor = at::empty(array.shape, at::TensorOptions(scalar_type(array.dtype)));
  copy_elements(array, static_cast<std::byte*>(tensor.mutable_data_ptr()));
  return tensor;
}

at::Tensor widened_tensor(const Array& array) {
  const auto values = array.to_integers("an array of unsigned integers");
  at::Tensor tensor = at::empty(array.shape, at::TensorOptions(at::kLong));
  if (!values.empty()) std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size() * sizeof(std::int64_t));
  return tensor;
}

}  // namespace

at::Tensor to_tensor(const Array& array) {
  if (is_widened(array.dtype)) return widened_tensor(array);
  const auto alignment = item_size(array.dtype);
  if (array.numel() == 0 || reinterpret_cast<std::uintptr_t>(array.data) % alignment != 0) return copied_tensor(array);
  // LibTorch has no read-only tensors; the header says that the result must not be written to.
  auto* data = const_cast<std::byte*>(array.data);
  return at::from_blob(
      data, array.shape, array.strides, [owner = array.owner](void*) mutable { owner.reset(); },
      at::TensorOptions(scalar_type(array.dtype)));
}

Array to_array(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().cpu().contiguous();
  Array array;
  array.dtype = dtype_of(plain);
  array.shape = plain.sizes().vec();
  array.strides = contiguous_strides(array.shape);
  array.data = static_cast<const std::byte*>(plain.const_data_ptr());
  array.owner = std::make_shared<const at::Tensor>(plain);
  return array;
}

}  // namespace kuda::io
