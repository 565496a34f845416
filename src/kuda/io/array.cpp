#include "kuda/io/array.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "kuda/base/error.h"

namespace kuda::io {
namespace {

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));  // the bytes may be unaligned
  return value;
}

/// IEEE half precision, subnormals, infinities and NaN included.
double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude = 0;
  if (exponent == 0x1f)
    magnitude = fraction == 0 ? INFINITY : NAN;
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, -24);
  else
    magnitude = std::ldexp(fraction + 1024, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

double load_double(DType dtype, const std::byte* at) {
  switch (dtype) {
    case DType::boolean:
      return load<std::uint8_t>(at) != 0 ? 1.0 : 0.0;
    case DType::u8:
      return load<std::uint8_t>(at);
    case DType::i8:
      return load<std::int8_t>(at);
    case DType::u16:
      return load<std::uint16_t>(at);
    case DType::i16:
      return load<std::int16_t>(at);
    case DType::u32:
      return load<std::uint32_t>(at);
    case DType::i32:
      return load<std::int32_t>(at);
    case DType::u64:
      return static_cast<double>(load<std::uint64_t>(at));
    case DType::i64:
      return static_cast<double>(load<std::int64_t>(at));
    case DType::f16:
      return half_to_double(load<std::uint16_t>(at));
    case DType::bf16:
      return std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(at)} << 16);
    case DType::f32:
      return load<float>(at);
    case DType::f64:
      return load<double>(at);
  }
  return 0;
}

/// The exact integer, when there is one.
bool load_integer(DType dtype, const std::byte* at, std::int64_t& value) {
  if (dtype == DType::i64) {
    value = load<std::int64_t>(at);
    return true;
  }
  if (dtype == DType::u64) {
    const auto wide = load<std::uint64_t>(at);
    value = static_cast<std::int64_t>(wide);
    return value >= 0;
  }
  const double real = load_double(dtype, at);  // exact for all other dtypes
  if (!(real >= -0x1p63 && real < 0x1p63) || real != std::floor(real)) return false;
  value = static_cast<std::int64_t>(real);
  return true;
}

/// Calls visit(address) for every element in C order.
template <class Visit>
void for_each_element(const Array& array, Visit visit) {
  const std::int64_t count = array.numel();
  const auto size = static_cast<std::int64_t>(item_size(array.dtype));
  if (array.is_contiguous()) {
    for (std::int64_t i = 0; i < count; ++i) visit(array.data + i * size);
    return;
  }
  std::vector<std::int64_t> index(array.shape.size(), 0);
  std::int64_t offset = 0;  // in elements
  for (std::int64_t i = 0; i < count; ++i) {
    visit(array.data + offset * size);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      offset += array.strides[axis];
      if (++index[axis] < array.shape[axis]) break;
      offset -= array.strides[axis] * array.shape[axis];
      index[axis] = 0;
    }
  }
}

template <class T>
Array own_array(DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  Array array;
  array.dtype = dtype;
  array.strides = contiguous_strides(shape);
  array.shape = std::move(shape);
  if (array.numel() != static_cast<std::int64_t>(values.size()))
    throw ShapeError(fmt::format("array of shape {} made from {} values", array.describe(), values.size()));
  const auto owned = std::make_shared<const std::vector<T>>(values);
  array.data = reinterpret_cast<const std::byte*>(owned->data());
  array.owner = owned;
  return array;
}

}  // namespace

std::int64_t Array::numel() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) count *= dim;
  return count;
}

bool Array::is_contiguous() const noexcept {
  std::int64_t expected = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return true;
    if (shape[axis] != 1 && strides[axis] != expected) return false;
    expected *= shape[axis];
  }
  return true;
}

std::string Array::describe() const { return fmt::format("[{}] {}", fmt::join(shape, ", "), dtype_name(dtype)); }

std::vector<double> Array::to_doubles() const {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(numel()));
  for_each_element(*this, [&](const std::byte* at) { values.push_back(load_double(dtype, at)); });
  return values;
}

std::vector<std::int64_t> Array::to_integers(std::string_view what) const {
  std::vector<std::int64_t> values;
  values.reserve(static_cast<std::size_t>(numel()));
  for_each_element(*this, [&](const std::byte* at) {
    std::int64_t value = 0;
    if (!load_integer(dtype, at, value))
      throw DataError(
          fmt::format("{}: element {}: expected an integer, found {}", what, values.size(), load_double(dtype, at)));
    values.push_back(value);
  });
  return values;
}

void copy_elements(const Array& array, std::byte* destination) {
  const std::size_t size = item_size(array.dtype);
  if (array.is_contiguous()) {
    const std::size_t bytes = static_cast<std::size_t>(array.numel()) * size;
    if (bytes != 0) std::memcpy(destination, array.data, bytes);
    return;
  }
  for_each_element(array, [&](const std::byte* at) {
    std::memcpy(destination, at, size);
    destination += size;
  });
}

Array make_contiguous(const Array& array) {
  if (array.is_contiguous()) return array;
  const std::size_t bytes = static_cast<std::size_t>(array.numel()) * item_size(array.dtype);
  const std::shared_ptr<std::byte[]> copy(new std::byte[bytes]);
  copy_elements(array, copy.get());
  Array result = array;
  result.strides = contiguous_strides(array.shape);
  result.data = copy.get();
  result.owner = copy;
  return result;
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= shape[axis] > 1 ? shape[axis] : 1;  // an empty axis must not make the other strides 0
  }
  return strides;
}

Array make_array(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return own_array(DType::f32, std::move(shape), values);
}
Array make_array(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return own_array(DType::f64, std::move(shape), values);
}
Array make_array(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& values) {
  return own_array(DType::i64, std::move(shape), values);
}

}  // namespace kuda::io
