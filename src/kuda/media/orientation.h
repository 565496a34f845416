#pragma once
// How a stored picture has to be turned and mirrored to be upright, from the display matrix that phones write.

#include <cstddef>
#include <cstdint>
#include <span>

namespace kuda {

/// Of the eight ways: swap rows and columns first, then mirror.
struct Orientation {
  bool transposed = false, mirrored_x = false, mirrored_y = false;

  /// The nearest multiple of 90 degrees. `matrix` is a b u c d v x y w: a point (p, q) of the stored picture is shown
  /// at (a p + c q + x, b p + d q + y), the second axis down. Source: ISO/IEC 14496-12, section 6.2.2.
  static Orientation of_matrix(std::span<const std::int32_t, 9> matrix);

  [[nodiscard]] bool upright() const { return !transposed && !mirrored_x && !mirrored_y; }
  [[nodiscard]] bool mirrored() const { return transposed != (mirrored_x != mirrored_y); }
  /// Degrees clockwise; of a mirrored picture after it was mirrored left to right.
  [[nodiscard]] int rotation() const;

  /// Turns pixels of three bytes: `from` is width x height, `to` has their places changed where `transposed`.
  void turn(const std::uint8_t* from, std::size_t from_stride, int width, int height, std::uint8_t* to,
            std::size_t to_stride) const;
};

}  // namespace kuda
