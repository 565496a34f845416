#pragma once
// What every reader checks before it believes a header: shapes without overflow, byte order, boolean bytes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kuda/io/array.h"

namespace kuda::io {

inline constexpr std::size_t kMaxDimensions = 64;  ///< as numpy 2

/// Number of elements, when all of it (and item_size times it) fits in 63 bits; an axis of length 0 does not hide an
/// overflow of the others, because strides are computed from them. Nothing for negative dimensions.
[[nodiscard]] std::optional<std::int64_t> checked_numel(const std::vector<std::int64_t>& shape, std::size_t item_size);

/// Strides of Fortran (column-major) order for a shape that passed checked_numel.
[[nodiscard]] std::vector<std::int64_t> fortran_strides(const std::vector<std::int64_t>& shape);

/// What a numpy type string ("<f4", "|b1", "U20", "O") means.
struct NumpyType {
  enum class Kind { number, text, bytes, object };
  Kind kind = Kind::number;
  DType dtype = DType::f32;   ///< of numbers
  std::size_t item_size = 0;  ///< bytes of one element; 4 per character of text, 0 for objects
  bool is_big_endian = false;
  /// Of one number, or of one character of text.
  [[nodiscard]] std::size_t swap_size() const noexcept { return kind == Kind::text ? 4 : item_size; }
};

/// Nothing for types that have no meaning here (complex, void, dates, records).
[[nodiscard]] std::optional<NumpyType> parse_numpy_type(std::string_view text) noexcept;

using Buffer = std::vector<std::byte>;

/// Bytes and who keeps them.
struct ByteView {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

/// Reverses the bytes of each item of `size` bytes (1, 2, 4 or 8) in place.
void swap_bytes(std::span<std::byte> bytes, std::size_t size) noexcept;

/// True when every byte is 0 or 1: anything else is no bool, and reading it as one is undefined.
[[nodiscard]] bool are_booleans(std::span<const std::byte> bytes) noexcept;

}  // namespace kuda::io
