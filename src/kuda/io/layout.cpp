#include "kuda/io/layout.h"

#include <algorithm>
#include <limits>

namespace kuda::io {
namespace {

std::optional<DType> number_type(char kind, std::size_t size) noexcept {
  if (kind == '?') return DType::boolean;
  const auto found = std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeFacts& facts) {
    return facts.numpy_kind == kind && facts.bytes == size;
  });
  return found == kDTypes.end() ? std::nullopt : std::optional(found->dtype);
}

}  // namespace

std::optional<std::int64_t> checked_numel(const std::vector<std::int64_t>& shape, std::size_t item_size) {
  const auto limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / std::max<std::size_t>(item_size, 1);
  std::uint64_t product = 1;
  bool is_empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      is_empty = true;
      continue;
    }
    const auto length = static_cast<std::uint64_t>(dim);
    if (product > limit / length) return std::nullopt;
    product *= length;
  }
  return is_empty ? 0 : static_cast<std::int64_t>(product);
}

std::vector<std::int64_t> fortran_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    strides[axis] = step;
    step *= std::max<std::int64_t>(shape[axis], 1);
  }
  return strides;
}

std::optional<NumpyType> parse_numpy_type(std::string_view text) noexcept {
  NumpyType type;
  if (!text.empty() && std::string_view("<>|=").find(text.front()) != std::string_view::npos) {
    type.is_big_endian = text.front() == '>';
    text.remove_prefix(1);
  }
  if (text.empty() || text.size() > 10) return std::nullopt;  // ten characters cannot overflow below
  std::size_t size = 0;
  for (const char digit : text.substr(1)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    size = size * 10 + static_cast<std::size_t>(digit - '0');
  }
  switch (text.front()) {
    case 'O':
      type.kind = NumpyType::Kind::object;
      return type;
    case 'U':
      type.kind = NumpyType::Kind::text;
      type.item_size = 4 * size;
      return type;
    case 'S':
    case 'a':
      type.kind = NumpyType::Kind::bytes;
      type.item_size = size;
      return type;
    default:
      break;
  }
  const auto dtype = number_type(text.front(), size);
  if (!dtype) return std::nullopt;
  type.dtype = *dtype;
  type.item_size = item_size(*dtype);
  return type;
}

void swap_bytes(std::span<std::byte> bytes, std::size_t size) noexcept {
  if (size < 2) return;
  for (std::size_t at = 0; at + size <= bytes.size(); at += size)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
}

bool are_booleans(std::span<const std::byte> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value <= std::byte{1}; });
}

}  // namespace kuda::io
