#pragma once
// An n-dimensional array as a file holds it: a typed, strided view of bytes that somebody owns (often a mapping).
// No LibTorch here; tensor/tensor.h makes tensors of these without a copy where the bytes allow it.
//
//   const Array audio = read_npy("audio.npy");          // shape {2199, 73}, DType::f32, memory-mapped
//   const std::vector<double> flat = audio.to_doubles();

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/io/dtype.h"

namespace kuda::io {

struct Array {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements; C order unless the file says otherwise
  const std::byte* data = nullptr;    ///< native byte order; may be unaligned
  std::shared_ptr<const void> owner;  ///< keeps `data` alive

  [[nodiscard]] std::int64_t numel() const noexcept;
  [[nodiscard]] bool is_contiguous() const noexcept;  ///< C order without gaps
  [[nodiscard]] std::string describe() const;         ///< "[1284, 500, 20] float64"
  /// All elements in C order. to_integers throws DataError (naming `what` and the index) on a fraction or NaN.
  [[nodiscard]] std::vector<double> to_doubles() const;
  [[nodiscard]] std::vector<std::int64_t> to_integers(std::string_view what) const;
};

/// The same values in C order without gaps: the array itself where it is so already, else one copy.
[[nodiscard]] Array make_contiguous(const Array& array);

/// Writes the elements in C order to numel() * item_size(dtype) bytes at `destination`.
void copy_elements(const Array& array, std::byte* destination);

/// Strides of C order for a shape.
[[nodiscard]] std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape);

/// An array that owns a copy of the values.
[[nodiscard]] Array make_array(std::vector<std::int64_t> shape, const std::vector<float>& values);
[[nodiscard]] Array make_array(std::vector<std::int64_t> shape, const std::vector<double>& values);
[[nodiscard]] Array make_array(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& values);

}  // namespace kuda::io
