#pragma once
// Parts of a picture as input of a network: turned, scaled, by bilinear sampling.

#include <ATen/core/Tensor.h>

#include <array>

namespace kuda {

/// A square in a picture, in pixels; `angle` in radians, clockwise as one sees the picture (y points down).
struct Square {
  double x = 0, y = 0;  ///< its middle
  double side = 0, angle = 0;
};

inline constexpr double kMeshMargin = 1.5;  ///< side of the mesh's square in sides of the face

/// An upright rectangle in pixels.
struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  [[nodiscard]] double area() const noexcept {
    return right > left && bottom > top ? (right - left) * (bottom - top) : 0;
  }
};

/// The part of the smaller box that both cover: 1 where it lies in the other, also when that is far larger.
[[nodiscard]] double covered(const Box& a, const Box& b) noexcept;

enum class Outside { zero, nearest };  ///< what stands beside the picture: black, or its nearest pixel

/// Writes [size, size, 3] float32 to `to`: the square of `picture` (uint8 [H, W, 3], pixels of a row in one piece), 0
/// to 255 as `low` to `high`. Pixel centres are at halves, as in TFLite's and LibTorch's scaling.
void crop(const at::Tensor& picture, const Square& square, Outside outside, float low, float high, std::int64_t size,
          float* to);

}  // namespace kuda
