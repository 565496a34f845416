#include "kuda/tensor/tensor.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarType.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "kuda/base/error.h"

namespace kuda::io {
namespace {

/// The same dtype in LibTorch. Unsigned types beyond 8 bits exist there in name but have almost no operators.
at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return at::kBool;
    case DType::u8:
      return at::kByte;
    case DType::i8:
      return at::kChar;
    case DType::i16:
      return at::kShort;
    case DType::i32:
      return at::kInt;
    case DType::f16:
      return at::kHalf;
    case DType::bf16:
      return at::kBFloat16;
    case DType::f32:
      return at::kFloat;
    case DType::f64:
      return at::kDouble;
    case DType::u16:
    case DType::u32:
    case DType::u64:
    case DType::i64:
      return at::kLong;
  }
  return at::kFloat;
}

DType dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBool:
      return DType::boolean;
    case at::kByte:
      return DType::u8;
    case at::kChar:
      return DType::i8;
    case at::kShort:
      return DType::i16;
    case at::kInt:
      return DType::i32;
    case at::kLong:
      return DType::i64;
    case at::kHalf:
      return DType::f16;
    case at::kBFloat16:
      return DType::bf16;
    case at::kFloat:
      return DType::f32;
    case at::kDouble:
      return DType::f64;
    default:
      throw DataError(
          fmt::format("a tensor of type {} has no counterpart in files", c10::toString(tensor.scalar_type())));
  }
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
