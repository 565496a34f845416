#include "kuda/extract/face/crop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kuda {
namespace {

using at::Tensor;

Tensor cropped(const Tensor& picture, const Square& square, Outside outside, std::int64_t size) {
  auto result = at::empty({size, size, 3}, at::kFloat);
  crop(picture, square, outside, 0, 1, size, result.mutable_data_ptr<float>());
  return result;
}

/// By LibTorch's sampling of grids.
Tensor by_torch(const Tensor& picture, const Square& s, Outside outside, std::int64_t size) {
  const double height = double(picture.size(0)), width = double(picture.size(1)), c = std::cos(s.angle),
               z = std::sin(s.angle);
  const auto turn = at::tensor({s.side * c / width, -s.side * z / width, 2 * s.x / width - 1, s.side * z / height,
                                s.side * c / height, 2 * s.y / height - 1},
                               at::kFloat)
                        .view({1, 2, 3});
  const auto grid = at::affine_grid_generator(turn, {1, 3, size, size}, false);
  const auto planes = picture.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat) / 255;
  return at::grid_sampler(planes, grid, 0, outside == Outside::zero ? 0 : 1, false)[0].permute({1, 2, 0});
}

TEST(Crop, SamplesAsTorchDoes) {
  at::manual_seed(1);
  const auto picture = at::randint(256, {37, 53, 3}, at::kByte);
  for (const auto outside : {Outside::zero, Outside::nearest})
    for (const auto& square : {Square{26, 18, 30, 0}, Square{26.5, 18.5, 53, 0}, Square{10, 30, 40, 0.4},
                               Square{50, 2, 21, -2.5}, Square{-30, 10, 12, 1}}) {
      const auto got = cropped(picture, square, outside, 24), want = by_torch(picture, square, outside, 24);
      // Positions in float32 differ by 1e-5 pixels, neighbours by up to 1.
      EXPECT_TRUE(at::allclose(got, want, 0, 1e-4))
          << square.x << ", " << square.angle << ": " << (got - want).abs().max().item<float>();
    }
}

TEST(Crop, TheWholePictureIsThePicture) {
  const auto picture = at::randint(256, {8, 8, 3}, at::kByte);
  EXPECT_TRUE(at::allclose(cropped(picture, {4, 4, 8, 0}, Outside::zero, 8), picture.to(at::kFloat) / 255, 0, 1e-6));
}

TEST(Crop, RowsMayBePadded) {
  const auto wide = at::randint(256, {9, 20, 3}, at::kByte);
  const auto part = wide.slice(1, 0, 11);
  EXPECT_TRUE(at::equal(cropped(part, {5, 5, 9, 0.3}, Outside::nearest, 12),
                        cropped(part.contiguous(), {5, 5, 9, 0.3}, Outside::nearest, 12)));
}

TEST(Crop, ASquareWithoutPlaceReadsNothingOutside) {
  const auto picture = at::full({3, 4, 3}, 51, at::kByte);
  constexpr auto kNan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& square : {Square{kNan, 1, 2, 0}, Square{1e30, -1e30, 1e30, 1}, Square{1, 1, 0, 0}})
    EXPECT_TRUE(at::allclose(cropped(picture, square, Outside::nearest, 5), at::full({5, 5, 3}, 0.2F), 0, 1e-6));
}

TEST(Boxes, CoveredIsThePartOfTheSmaller) {
  EXPECT_DOUBLE_EQ(covered({0, 0, 10, 10}, {2, 2, 4, 4}), 1);
  EXPECT_DOUBLE_EQ(covered({0, 0, 10, 10}, {8, 0, 12, 10}), 0.5);
  EXPECT_DOUBLE_EQ(covered({0, 0, 10, 10}, {10, 0, 12, 10}), 0);
  EXPECT_DOUBLE_EQ(covered({0, 0, 10, 10}, {5, 5, 5, 9}), 0);
}

}  // namespace
}  // namespace kuda
