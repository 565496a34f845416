#include "kuda/extract/face/convolution.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kuda/extract/face/network_shapes.h"

namespace kuda {
namespace {

using at::Tensor;

/// The same by LibTorch, in its layout and with explicit padding.
Tensor by_torch(const ConvolutionOptions& options, const Tensor& x) {
  auto picture = x.permute({0, 3, 1, 2});
  const auto kernel_y = options.weight.size(1), kernel_x = options.weight.size(2);
  if (options.same) {
    const auto y = same_padding(x.size(1), kernel_y, options.stride_y);
    const auto across = same_padding(x.size(2), kernel_x, options.stride_x);
    picture = at::constant_pad_nd(picture, {across.before, across.all - across.before, y.before, y.all - y.before}, 0);
  }
  const auto weight = options.depthwise ? options.weight.permute({3, 0, 1, 2}) : options.weight.permute({0, 3, 1, 2});
  return at::conv2d(picture, weight, options.bias, {options.stride_y, options.stride_x}, at::IntArrayRef{0, 0},
                    at::IntArrayRef{1, 1}, options.depthwise ? x.size(3) : 1)
      .permute({0, 2, 3, 1});
}

/// Sums of some hundred products of order 1, in another order.
bool sums_agree(const Tensor& got, const Tensor& want) {
  return got.sizes() == want.sizes() && at::allclose(got, want, /*rtol=*/1e-4, /*atol=*/2e-4);
}

TEST(Convolution, AgreesWithTorchInEveryShape) {
  at::manual_seed(1);
  for (const std::int64_t outputs : {1, 2, 4, 7, 8, 12, 29, 64})
    for (const std::int64_t inputs : {1, 3, 8, 20})
      for (const std::int64_t kernel : {1, 2, 3})
        for (const std::int64_t stride : {1, 2})
          for (const bool same : {true, false})
            for (const auto& size : {std::pair<std::int64_t, std::int64_t>{13, 17}, {4, 3}, {6, 28}}) {
              const ConvolutionOptions options{.weight = at::randn({outputs, kernel, kernel, inputs}),
                                               .bias = at::randn({outputs}),
                                               .stride_y = stride,
                                               .stride_x = stride,
                                               .same = same};
              const auto x = at::randn({2, size.first, size.second, inputs});
              EXPECT_TRUE(sums_agree(Convolution(options).run(x), by_torch(options, x)))
                  << inputs << " to " << outputs << ", kernel " << kernel << ", stride " << stride
                  << (same ? ", same" : "");
            }
}

TEST(Convolution, KeepsChannelsApartAsTorchDoes) {
  at::manual_seed(2);
  for (const std::int64_t channels : {1, 3, 4, 8, 12, 15, 36})
    for (const std::int64_t kernel : {1, 2, 3, 5})
      for (const std::int64_t stride : {1, 2})
        for (const bool same : {true, false})
          for (const auto& size : {std::pair<std::int64_t, std::int64_t>{13, 31}, {5, 5}, {8, 6}}) {
            const ConvolutionOptions options{.weight = at::randn({1, kernel, kernel, channels}),
                                             .bias = at::randn({channels}),
                                             .stride_y = stride,
                                             .stride_x = stride,
                                             .same = same,
                                             .depthwise = true};
            const auto x = at::randn({2, size.first, size.second, channels});
            EXPECT_TRUE(sums_agree(Convolution(options).run(x), by_torch(options, x)))
                << channels << " channels, kernel " << kernel << ", stride " << stride << (same ? ", same" : "");
          }
}

TEST(Convolution, StridesMayDiffer) {
  const ConvolutionOptions options{
      .weight = at::randn({5, 3, 2, 4}), .bias = at::randn({5}), .stride_y = 1, .stride_x = 3};
  const auto x = at::randn({1, 9, 20, 4});
  EXPECT_TRUE(sums_agree(Convolution(options).run(x), by_torch(options, x)));
}

TEST(Convolution, AWindowMayBeLargerThanThePicture) {
  for (const bool depthwise : {true, false}) {
    const ConvolutionOptions options{.weight = at::randn({depthwise ? 1 : 3, 5, 5, 3}),
                                     .bias = at::randn({3}),
                                     .same = true,
                                     .depthwise = depthwise};
    const auto x = at::randn({1, 2, 3, 3});
    EXPECT_TRUE(sums_agree(Convolution(options).run(x), by_torch(options, x))) << depthwise;
  }
}

TEST(Convolution, AddsAndThenActivatesInTheSamePass) {
  at::manual_seed(3);
  for (const std::int64_t more : {8, 16, 29}) {
    const ConvolutionOptions options{.weight = at::randn({29, 1, 1, 6}), .bias = at::randn({29})};
    Convolution convolution(options);
    const auto x = at::randn({2, 5, 9, 6}), residual = at::randn({2, 5, 9, more}), slope = at::randn({29});
    convolution.set_slope(slope);
    const auto sum = by_torch(options, x) + at::constant_pad_nd(residual, {0, 29 - more}, 0);
    EXPECT_TRUE(sums_agree(convolution.run(x, residual), at::where(sum > 0, sum, sum * slope))) << more;
  }
}

TEST(Convolution, KeepsChannelsApartAndActivates) {
  const ConvolutionOptions options{
      .weight = at::randn({1, 3, 3, 13}), .bias = at::randn({13}), .same = true, .depthwise = true};
  Convolution convolution(options);
  const auto x = at::randn({1, 6, 20, 13}), slope = at::randn({13}), plain = by_torch(options, x);
  convolution.set_slope(slope);
  EXPECT_TRUE(sums_agree(convolution.run(x), at::where(plain > 0, plain, plain * slope)));
}

TEST(Convolution, APictureDependsOnNothingBesideIt) {
  for (const bool depthwise : {true, false})
    for (const std::int64_t kernel : {1, 3}) {
      const Convolution convolution({.weight = at::randn({depthwise ? 1 : 10, kernel, kernel, 10}),
                                     .bias = at::randn({10}),
                                     .same = true,
                                     .depthwise = depthwise});
      const auto x = at::randn({3, 7, 11, 10});
      const auto all = convolution.run(x);
      for (std::int64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(sums_agree(convolution.run(x.slice(0, i, i + 1)), all.slice(0, i, i + 1))) << i;
    }
}

}  // namespace
}  // namespace kuda
