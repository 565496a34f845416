#pragma once
// Private to the reader and writer of torch files: names of types.

#include <array>
#include <string_view>

#include "kuda/io/array.h"

namespace kuda::io {

struct TorchType {
  DType dtype;
  std::string_view name;     ///< torch.float32
  std::string_view storage;  ///< torch.FloatStorage; empty: such tensors are saved over an UntypedStorage
};

inline constexpr std::array<TorchType, 13> kTorchTypes{{
    {DType::boolean, "bool", "BoolStorage"},
    {DType::u8, "uint8", "ByteStorage"},
    {DType::i8, "int8", "CharStorage"},
    {DType::u16, "uint16", ""},
    {DType::i16, "int16", "ShortStorage"},
    {DType::u32, "uint32", ""},
    {DType::i32, "int32", "IntStorage"},
    {DType::u64, "uint64", ""},
    {DType::i64, "int64", "LongStorage"},
    {DType::f16, "float16", "HalfStorage"},
    {DType::bf16, "bfloat16", "BFloat16Storage"},
    {DType::f32, "float32", "FloatStorage"},
    {DType::f64, "float64", "DoubleStorage"},
}};

}  // namespace kuda::io
