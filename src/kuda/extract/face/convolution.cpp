#include "kuda/extract/face/convolution.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "kuda/extract/face/network_shapes.h"
#include "kuda/extract/face/processor.h"

namespace kuda {
namespace {

using at::Tensor;

/// A row of the result of a convolution over all channels. A window's rows are `depth` = kw * I numbers in one piece,
/// so each pixel is a sum of `heights` inner products.
struct Row {
  const float* in = nullptr;
  std::int64_t pixel_step = 0, row_step = 0;  ///< from window to window, and from row to row in one
  std::int64_t heights = 1, depth = 1;
  const float* weight = nullptr;  ///< packed
  const float *bias = nullptr, *slope = nullptr, *residual = nullptr;
  std::int64_t residual_channels = 0, channels = 0, pixels = 0;
  float* out = nullptr;
};

template <class V>
KUDA_ALWAYS_INLINE void load(V& to, const float* from) {
  std::memcpy(&to, from, sizeof(V));
}

/// PReLU and out of the registers.
template <class V>
KUDA_ALWAYS_INLINE void finish(V& sum, const float* slope, std::int64_t channel, float* to) {
  if (slope != nullptr) {
    V factor;
    load(factor, slope + channel);
    const V zero{};
    sum = sum > zero ? sum : sum * factor;
  }
  std::memcpy(to, &sum, sizeof(V));
}

/// kGroups * kEach pixels from `pixel` on, as many channels from `channel` on as V holds. Pixels in groups, because an
/// address of x86 can be base + 0, 1 or 2 steps: four pointers reach twelve pixels.
template <class V, int kGroups, int kEach>
KUDA_ALWAYS_INLINE void tile(const Row& row, const float* weight, std::int64_t pixel, std::int64_t channel) {
  V sum[kGroups][kEach];
  V start;
  load(start, row.bias + channel);
  KUDA_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    KUDA_UNROLL
    for (int i = 0; i < kEach; ++i) sum[g][i] = start;
  }
  const auto step = row.pixel_step;
  for (std::int64_t y = 0; y < row.heights; ++y) {
    const float* from[kGroups];
    KUDA_UNROLL
    for (int g = 0; g < kGroups; ++g) from[g] = row.in + y * row.row_step + (pixel + g * kEach) * step;
    for (std::int64_t k = 0; k < row.depth; ++k) {
      V factor;
      load(factor, weight);
      weight += sizeof(V) / sizeof(float);
      KUDA_UNROLL
      for (int g = 0; g < kGroups; ++g) {
        KUDA_UNROLL
        for (int i = 0; i < kEach; ++i) sum[g][i] += factor * from[g][i * step];
        ++from[g];
      }
    }
  }
  const bool has_more = channel < row.residual_channels;
  KUDA_UNROLL
  for (int g = 0; g < kGroups; ++g) {
    KUDA_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const auto at = pixel + g * kEach + i;
      if (has_more) {
        V more;
        load(more, row.residual + at * row.residual_channels + channel);
        sum[g][i] += more;
      }
      finish(sum[g][i], row.slope, channel, row.out + at * row.channels + channel);
    }
  }
}

template <class V, int kGroups, int kEach>
KUDA_ALWAYS_INLINE void tiles_of(const Row& row, const float*& weight, std::int64_t pixel, std::int64_t& channel) {
  constexpr auto kWidth = std::int64_t(sizeof(V) / sizeof(float));
  for (; channel + kWidth <= row.channels; channel += kWidth) {
    tile<V, kGroups, kEach>(row, weight, pixel, channel);
    weight += row.heights * row.depth * kWidth;
  }
}

template <int kGroups, int kEach>
KUDA_ALWAYS_INLINE void pixels_of(const Row& row, std::int64_t& pixel) {
  for (; pixel + kGroups * kEach <= row.pixels; pixel += kGroups * kEach) {
    const float* weight = row.weight;
    std::int64_t channel = 0;
    tiles_of<Float8, kGroups, kEach>(row, weight, pixel, channel);
    tiles_of<Float4, kGroups, kEach>(row, weight, pixel, channel);
    tiles_of<float, kGroups, kEach>(row, weight, pixel, channel);
  }
}

KUDA_ALWAYS_INLINE void any_row(const Row& row) {
  std::int64_t pixel = 0;
  pixels_of<4, 3>(row, pixel);
  pixels_of<2, 2>(row, pixel);
  pixels_of<1, 1>(row, pixel);
}

/// A picture of a convolution that keeps channels apart.
struct Plane {
  const float* in = nullptr;
  const float *weight = nullptr, *bias = nullptr, *slope = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;  ///< of the input
  std::int64_t kernel_y = 0, kernel_x = 0, stride_y = 1, stride_x = 1, top = 0, left = 0;
  std::int64_t out_height = 0, out_width = 0;
  float* out = nullptr;
};

/// kPixels results from (y, x) on: window rows from `first_y` to `last_y` and columns from `first_x` to `last_x` lie in
/// the picture.
template <class V, int kPixels>
KUDA_ALWAYS_INLINE void window(const Plane& p, std::int64_t y, std::int64_t x, std::int64_t channel,
                               std::int64_t first_y, std::int64_t last_y, std::int64_t first_x, std::int64_t last_x) {
  V sum[kPixels];
  V start;
  load(start, p.bias + channel);
  KUDA_UNROLL
  for (int i = 0; i < kPixels; ++i) sum[i] = start;
  const auto step = p.stride_x * p.channels;
  for (auto ky = first_y; ky < last_y; ++ky)
    for (auto kx = first_x; kx < last_x; ++kx) {
      V factor;
      load(factor, p.weight + (ky * p.kernel_x + kx) * p.channels + channel);
      const auto* from =
          p.in + ((y * p.stride_y - p.top + ky) * p.width + x * p.stride_x - p.left + kx) * p.channels + channel;
      KUDA_UNROLL
      for (int i = 0; i < kPixels; ++i) {
        V value;
        load(value, from + i * step);
        sum[i] += value * factor;
      }
    }
  KUDA_UNROLL
  for (int i = 0; i < kPixels; ++i)
    finish(sum[i], p.slope, channel, p.out + (y * p.out_width + x + i) * p.channels + channel);
}

/// The same for windows of three columns side by side between left and right: a pixel is loaded once for all three.
template <class V, int kPixels>
KUDA_ALWAYS_INLINE void windows_of_three(const Plane& p, std::int64_t y, std::int64_t x, std::int64_t channel,
                                         std::int64_t first_y, std::int64_t last_y) {
  V sum[kPixels];
  V start;
  load(start, p.bias + channel);
  KUDA_UNROLL
  for (int i = 0; i < kPixels; ++i) sum[i] = start;
  for (auto ky = first_y; ky < last_y; ++ky) {
    const auto* weight = p.weight + ky * 3 * p.channels + channel;
    const auto* from = p.in + ((y * p.stride_y - p.top + ky) * p.width + x - p.left) * p.channels + channel;
    V factors[3], pixels[3];
    load(factors[0], weight);
    load(factors[1], weight + p.channels);
    load(factors[2], weight + 2 * p.channels);
    load(pixels[0], from);
    load(pixels[1], from + p.channels);
    from += 2 * p.channels;
    KUDA_UNROLL
    for (int i = 0; i < kPixels; ++i) {
      load(pixels[2], from);
      from += p.channels;
      sum[i] += pixels[0] * factors[0];
      sum[i] += pixels[1] * factors[1];
      sum[i] += pixels[2] * factors[2];
      pixels[0] = pixels[1];
      pixels[1] = pixels[2];
    }
  }
  KUDA_UNROLL
  for (int i = 0; i < kPixels; ++i)
    finish(sum[i], p.slope, channel, p.out + (y * p.out_width + x + i) * p.channels + channel);
}

/// One result whose window may reach over the sides.
template <class V>
KUDA_ALWAYS_INLINE void side_window(const Plane& p, std::int64_t y, std::int64_t x, std::int64_t channel,
                                    std::int64_t first_y, std::int64_t last_y) {
  window<V, 1>(p, y, x, channel, first_y, last_y, std::max<std::int64_t>(0, p.left - x * p.stride_x),
               std::min(p.kernel_x, p.width + p.left - x * p.stride_x));
}

template <class V>
KUDA_ALWAYS_INLINE void channels_of(const Plane& p, std::int64_t y, std::int64_t& channel) {
  constexpr auto kWidth = std::int64_t(sizeof(V) / sizeof(float));
  const auto first_y = std::max<std::int64_t>(0, p.top - y * p.stride_y);
  const auto last_y = std::min(p.kernel_y, p.height + p.top - y * p.stride_y);
  // Windows from `inner` up to `outer` lie between left and right.
  const auto inner = std::min((p.left + p.stride_x - 1) / p.stride_x, p.out_width);
  const auto room = p.width + p.left - p.kernel_x;
  const auto outer = room < 0 ? inner : std::clamp(room / p.stride_x + 1, inner, p.out_width);
  for (; channel + kWidth <= p.channels; channel += kWidth) {
    std::int64_t x = 0;
    for (; x < inner; ++x) side_window<V>(p, y, x, channel, first_y, last_y);
    if (p.kernel_x == 3 && p.stride_x == 1) {
      for (; x + 6 <= outer; x += 6) windows_of_three<V, 6>(p, y, x, channel, first_y, last_y);
      for (; x + 2 <= outer; x += 2) windows_of_three<V, 2>(p, y, x, channel, first_y, last_y);
    }
    for (; x + 8 <= outer; x += 8) window<V, 8>(p, y, x, channel, first_y, last_y, 0, p.kernel_x);
    for (; x < p.out_width; ++x) side_window<V>(p, y, x, channel, first_y, last_y);
  }
}

KUDA_ALWAYS_INLINE void any_plane(const Plane& plane) {
  for (std::int64_t y = 0; y < plane.out_height; ++y) {
    std::int64_t channel = 0;
    channels_of<Float8>(plane, y, channel);
    channels_of<Float4>(plane, y, channel);
    channels_of<float>(plane, y, channel);
  }
}

void plain_row(const Row& row) { any_row(row); }
void plain_plane(const Plane& plane) { any_plane(plane); }
#ifdef KUDA_HAS_AVX2_KERNELS
KUDA_FOR_AVX2 void avx2_row(const Row& row) { any_row(row); }
KUDA_FOR_AVX2 void avx2_plane(const Plane& plane) { any_plane(plane); }
#else
constexpr auto avx2_row = plain_row;
constexpr auto avx2_plane = plain_plane;
#endif

/// [O, kh, kw, I] -> blocks of 8, then 4, then 1 outputs, each [kh * kw * I][outputs].
std::vector<float> pack(const Tensor& weight) {
  const auto flat = weight.flatten(1);  // [O, kh * kw * I]
  const auto outputs = flat.size(0);
  std::vector<float> packed(std::size_t(flat.numel()));
  auto* to = packed.data();
  for (std::int64_t first = 0; first < outputs;) {
    const std::int64_t left = outputs - first, width = left >= 8 ? 8 : left >= 4 ? 4 : 1;
    const auto block = flat.slice(0, first, first + width).t().contiguous();
    to = std::copy_n(block.const_data_ptr<float>(), block.numel(), to);
    first += width;
  }
  return packed;
}

const float* data_of(const Tensor& x) { return x.defined() ? x.const_data_ptr<float>() : nullptr; }

}  // namespace

Convolution::Convolution(const ConvolutionOptions& options)
    : options_(options),
      channels_(options.depthwise ? options.weight.size(3) : options.weight.size(0)),
      bias_(options.bias.contiguous()) {
  options_.weight = options.weight.contiguous();
  if (!options.depthwise) packed_ = pack(options_.weight);
}

void Convolution::set_slope(const Tensor& slope) { slope_ = slope.flatten().contiguous(); }

Tensor Convolution::run(const Tensor& x, const Tensor& residual) const {
  TORCH_INTERNAL_ASSERT(!options_.depthwise || !residual.defined());
  return options_.depthwise ? run_depthwise(x.contiguous()) : run_whole(x.contiguous(), residual);
}

Tensor Convolution::run_whole(const Tensor& x, const Tensor& residual) const {
  const auto kernel_y = options_.weight.size(1), kernel_x = options_.weight.size(2);
  Tensor input = x;
  if (options_.same) {
    const auto y = same_padding(x.size(1), kernel_y, options_.stride_y);
    const auto across = same_padding(x.size(2), kernel_x, options_.stride_x);
    if (y.all > 0 || across.all > 0)  // the first layer alone
      input = at::constant_pad_nd(x, {0, 0, across.before, across.all - across.before, y.before, y.all - y.before}, 0);
  }
  const auto batch = input.size(0), height = input.size(1), width = input.size(2), depth = input.size(3);
  const auto out_height = (height - kernel_y) / options_.stride_y + 1;
  const auto out_width = (width - kernel_x) / options_.stride_x + 1;
  auto result = at::empty({batch, out_height, out_width, channels_}, x.options());
  const auto more = residual.defined() ? residual.contiguous() : residual;

  Row row;
  row.in = input.const_data_ptr<float>();
  row.out = result.mutable_data_ptr<float>();
  row.residual = data_of(more);
  row.residual_channels = more.defined() ? more.size(3) : 0;
  row.pixel_step = options_.stride_x * depth;
  row.row_step = width * depth;
  row.heights = kernel_y;
  row.depth = kernel_x * depth;
  row.weight = packed_.data();
  row.bias = data_of(bias_);
  row.slope = data_of(slope_);
  row.channels = channels_;
  row.pixels = out_width;
  auto rows = batch * out_height;
  const bool is_pointwise = kernel_y == 1 && kernel_x == 1 && options_.stride_y == 1 && options_.stride_x == 1;
  if (is_pointwise) {  // the whole batch is one row
    row.pixels *= rows;
    rows = rows > 0 ? 1 : 0;
  }
  const auto run_row = runs_avx2() ? avx2_row : plain_row;
  for (std::int64_t i = 0; i < rows; ++i) {
    auto here = row;
    here.in += ((i / out_height) * height + (i % out_height) * options_.stride_y) * row.row_step;
    here.out += i * out_width * channels_;
    if (here.residual != nullptr) here.residual += i * out_width * row.residual_channels;
    run_row(here);
  }
  return result;
}

Tensor Convolution::run_depthwise(const Tensor& x) const {
  Plane plane;
  plane.height = x.size(1);
  plane.width = x.size(2);
  plane.channels = channels_;
  plane.kernel_y = options_.weight.size(1);
  plane.kernel_x = options_.weight.size(2);
  plane.stride_y = options_.stride_y;
  plane.stride_x = options_.stride_x;
  SamePadding y, across;
  if (options_.same) {
    y = same_padding(plane.height, plane.kernel_y, plane.stride_y);
    across = same_padding(plane.width, plane.kernel_x, plane.stride_x);
  }
  plane.top = y.before;
  plane.left = across.before;
  plane.out_height = (plane.height + y.all - plane.kernel_y) / plane.stride_y + 1;
  plane.out_width = (plane.width + across.all - plane.kernel_x) / plane.stride_x + 1;
  auto result = at::empty({x.size(0), plane.out_height, plane.out_width, channels_}, x.options());
  plane.weight = data_of(options_.weight);
  plane.bias = data_of(bias_);
  plane.slope = data_of(slope_);
  const auto run_plane = runs_avx2() ? avx2_plane : plain_plane;
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    plane.in = x.const_data_ptr<float>() + i * plane.height * plane.width * channels_;
    plane.out = result.mutable_data_ptr<float>() + i * plane.out_height * plane.out_width * channels_;
    run_plane(plane);
  }
  return result;
}

}  // namespace kuda
