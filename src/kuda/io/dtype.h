#pragma once
// The types of numbers that files hold, and what each is called where.

#include <array>
#include <cstddef>
#include <string_view>

namespace kuda::io {

enum class DType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

struct DTypeFacts {
  DType dtype;
  std::size_t bytes;
  std::string_view name;         ///< numpy.float32, torch.float32
  char numpy_kind;               ///< letter of a numpy type string ("<f4"); none where numpy has no such type
  std::string_view safetensors;  ///< in the header of a safetensors file
  std::string_view storage;      ///< torch.FloatStorage; empty: such tensors are saved over an UntypedStorage
};

/// In the order of DType.
inline constexpr std::array<DTypeFacts, 13> kDTypes{{
    {DType::boolean, 1, "bool", 'b', "BOOL", "BoolStorage"},
    {DType::u8, 1, "uint8", 'u', "U8", "ByteStorage"},
    {DType::i8, 1, "int8", 'i', "I8", "CharStorage"},
    {DType::u16, 2, "uint16", 'u', "U16", ""},
    {DType::i16, 2, "int16", 'i', "I16", "ShortStorage"},
    {DType::u32, 4, "uint32", 'u', "U32", ""},
    {DType::i32, 4, "int32", 'i', "I32", "IntStorage"},
    {DType::u64, 8, "uint64", 'u', "U64", ""},
    {DType::i64, 8, "int64", 'i', "I64", "LongStorage"},
    {DType::f16, 2, "float16", 'f', "F16", "HalfStorage"},
    {DType::bf16, 2, "bfloat16", '\0', "BF16", "BFloat16Storage"},
    {DType::f32, 4, "float32", 'f', "F32", "FloatStorage"},
    {DType::f64, 8, "float64", 'f', "F64", "DoubleStorage"},
}};

[[nodiscard]] constexpr const DTypeFacts& facts_of(DType dtype) noexcept {
  return kDTypes[static_cast<std::size_t>(dtype)];
}
static_assert([] {
  for (const DTypeFacts& facts : kDTypes)
    if (facts_of(facts.dtype).dtype != facts.dtype) return false;
  return true;
}());

[[nodiscard]] constexpr std::size_t item_size(DType dtype) noexcept { return facts_of(dtype).bytes; }
[[nodiscard]] constexpr std::string_view dtype_name(DType dtype) noexcept { return facts_of(dtype).name; }

}  // namespace kuda::io
