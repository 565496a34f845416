#include "kuda/media/orientation.h"

#include <cstdlib>

namespace kuda {

Orientation Orientation::of_matrix(std::span<const std::int32_t, 9> matrix) {
  const std::int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  // The picture's first axis goes along the screen's first (a) or second (b); an empty matrix turns nothing.
  if (std::abs(b) > std::abs(a)) return {true, c < 0, b < 0};
  return {false, a < 0, d < 0};
}

int Orientation::rotation() const {
  const bool x = mirrored() ? !mirrored_x : mirrored_x;
  if (transposed) return x ? 90 : 270;
  return x ? 180 : 0;
}

void Orientation::turn(const std::uint8_t* from, std::size_t from_stride, int width, int height, std::uint8_t* to,
                       std::size_t to_stride) const {
  const int to_width = transposed ? height : width, to_height = transposed ? width : height;
  for (int y = 0; y < to_height; ++y) {
    const int v = mirrored_y ? to_height - 1 - y : y;
    std::uint8_t* out = to + static_cast<std::size_t>(y) * to_stride;
    for (int x = 0; x < to_width; ++x, out += 3) {
      const int u = mirrored_x ? to_width - 1 - x : x;
      const auto row = static_cast<std::size_t>(transposed ? u : v),
                 column = static_cast<std::size_t>(transposed ? v : u);
      const std::uint8_t* in = from + row * from_stride + 3 * column;
      out[0] = in[0], out[1] = in[1], out[2] = in[2];
    }
  }
}

}  // namespace kuda
