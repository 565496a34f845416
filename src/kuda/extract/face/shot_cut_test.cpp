#include "kuda/extract/face/shot_cut.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace kuda {
namespace {

using at::Tensor;

/// Large fields of one colour, by a seed.
Tensor scene(std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randint(256, {6, 8, 3}, at::kByte).repeat_interleave(30, 0).repeat_interleave(30, 1).contiguous();
}

Tensor with_noise(const Tensor& picture, double strength) {
  return (picture.to(at::kFloat) + at::randn(picture.sizes()) * strength).clamp(0, 255).to(at::kByte);
}

TEST(ShotCuts, AreSeenWhereTheSceneChanges) {
  ShotCuts cuts;
  for (const std::uint64_t shot : {1, 2, 3})
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(cuts.is_cut(with_noise(scene(shot), 6)), shot > 1 && i == 0) << shot << ", " << i;
}

TEST(ShotCuts, ASceneThatMovesHasNone) {
  ShotCuts cuts;
  const auto picture = scene(1);
  for (int i = 0; i < 12; ++i)
    EXPECT_FALSE(cuts.is_cut(picture.roll({6 * i}, {1}).contiguous())) << i;  // 6 of 240 pixels a picture
}

TEST(ShotCuts, ThePictureMayBeSmallerThanItsFields) {
  ShotCuts cuts;
  EXPECT_FALSE(cuts.is_cut(at::zeros({3, 2, 3}, at::kByte)));
  EXPECT_FALSE(cuts.is_cut(at::zeros({3, 2, 3}, at::kByte)));
  EXPECT_TRUE(cuts.is_cut(at::full({3, 2, 3}, 200, at::kByte)));
}

}  // namespace
}  // namespace kuda
