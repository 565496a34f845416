#include "kuda/extract/face/crop.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kuda/extract/face/processor.h"

namespace kuda {
namespace {

struct Sampling {
  const std::uint8_t* pixels = nullptr;
  std::int64_t height = 0, width = 0, row_step = 0;
  float x = 0, y = 0;                                      ///< in the picture, of the first sample
  float right_x = 0, right_y = 0, down_x = 0, down_y = 0;  ///< to the next sample of a row, and to the next row
  bool is_zero_outside = false;
  float factor = 1, low = 0;
  std::int64_t size = 0;
  float* to = nullptr;
};

using Bytes4 = std::uint8_t __attribute__((vector_size(4)));

/// Red, green, blue and what stands behind them.
KUDA_ALWAYS_INLINE void load_pixel(Float4& to, const Sampling& s, std::int64_t y, std::int64_t x) {
  Bytes4 bytes{};
  const auto* from = s.pixels + y * s.row_step + 3 * x;
  if (x + 1 < s.width)
    std::memcpy(&bytes, from, 4);
  else  // nothing stands behind the last
    std::memcpy(&bytes, from, 3);
  to = __builtin_convertvector(bytes, Float4);
}

KUDA_ALWAYS_INLINE float within(float value, float last) {  // 0 for NaN
  return value > 0 ? (value < last ? value : last) : 0;
}

KUDA_ALWAYS_INLINE void any_sampling(const Sampling& s) {
  const auto last_x = float(s.width - 1), last_y = float(s.height - 1);
  for (std::int64_t row = 0; row < s.size; ++row)
    for (std::int64_t column = 0; column < s.size; ++column) {
      const float x = s.x + float(column) * s.right_x + float(row) * s.down_x;
      const float y = s.y + float(column) * s.right_y + float(row) * s.down_y;
      const float inside_x = within(x, last_x), inside_y = within(y, last_y);
      const auto left = std::int64_t(inside_x), top = std::int64_t(inside_y);
      const auto right = std::min(left + 1, s.width - 1), bottom = std::min(top + 1, s.height - 1);
      const float part_x = inside_x - float(left), part_y = inside_y - float(top);
      Float4 corners[4];
      load_pixel(corners[0], s, top, left);
      load_pixel(corners[1], s, top, right);
      load_pixel(corners[2], s, bottom, left);
      load_pixel(corners[3], s, bottom, right);
      const Float4 above = corners[0] + (corners[1] - corners[0]) * part_x;
      const Float4 below = corners[2] + (corners[3] - corners[2]) * part_x;
      Float4 value = above + (below - above) * part_y;
      if (s.is_zero_outside) {  // fades out over the pixel beside the picture
        const float beside_x = std::max(std::fabs(x - inside_x), 0.F),
                    beside_y = std::max(std::fabs(y - inside_y), 0.F);
        value *= std::max(1 - beside_x, 0.F) * std::max(1 - beside_y, 0.F);
      }
      value = value * s.factor + s.low;
      std::memcpy(s.to + (row * s.size + column) * 3, &value, 3 * sizeof(float));
    }
}

void plain_sampling(const Sampling& s) { any_sampling(s); }
#ifdef KUDA_HAS_AVX2_KERNELS
KUDA_FOR_AVX2 void avx2_sampling(const Sampling& s) { any_sampling(s); }
#else
constexpr auto avx2_sampling = plain_sampling;
#endif

}  // namespace

double covered(const Box& a, const Box& b) noexcept {
  const Box both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                 std::min(a.bottom, b.bottom)};
  const auto smaller = std::min(a.area(), b.area());
  return smaller > 0 ? both.area() / smaller : 0;
}

void crop(const at::Tensor& picture, const Square& square, Outside outside, float low, float high, std::int64_t size,
          float* to) {
  const double step = square.side / double(size);  // pixels of the picture for one of the result
  const double c = std::cos(square.angle) * step, s = std::sin(square.angle) * step;
  const double middle = double(size) / 2 - 0.5;
  Sampling sampling;
  sampling.pixels = picture.const_data_ptr<std::uint8_t>();
  sampling.height = picture.size(0);
  sampling.width = picture.size(1);
  sampling.row_step = picture.stride(0);
  sampling.x = float(square.x - 0.5 - middle * c + middle * s);
  sampling.y = float(square.y - 0.5 - middle * s - middle * c);
  sampling.right_x = float(c);
  sampling.right_y = float(s);
  sampling.down_x = float(-s);
  sampling.down_y = float(c);
  sampling.is_zero_outside = outside == Outside::zero;
  sampling.factor = (high - low) / 255;
  sampling.low = low;
  sampling.size = size;
  sampling.to = to;
  (runs_avx2() ? avx2_sampling : plain_sampling)(sampling);
}

}  // namespace kuda
