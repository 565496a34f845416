#include "kuda/extract/face/head_pose.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/extract/face/test_network.h"

namespace kuda {
namespace {

using at::Tensor;
using testing::HasSubstr;

Tensor turn_about(int axis, double angle) {
  const double c = std::cos(angle), s = std::sin(angle);
  if (axis == 0) return at::tensor({1., 0., 0., 0., c, -s, 0., s, c}, at::kDouble).view({3, 3});
  if (axis == 1) return at::tensor({c, 0., s, 0., 1., 0., -s, 0., c}, at::kDouble).view({3, 3});
  return at::tensor({c, -s, 0., s, c, 0., 0., 0., 1.}, at::kDouble).view({3, 3});
}

/// A head whose canonical points are turned, scaled and shifted, as the mesh gives points: [1, 478, 3].
struct Head {
  Tensor canonical = at::randn({478, 3}), landmarks = at::tensor({1, 5, 30, 77, 200, 401}, at::kLong);
  [[nodiscard]] CanonicalFace face() const {
    return {landmarks, canonical.index_select(0, landmarks), at::tensor({0.5F, 1.F, 2.F, 1.F, 1.F, 3.F})};
  }
  [[nodiscard]] Tensor seen(const Tensor& turn, double scale, double x, double y) const {
    const auto up = canonical.to(at::kDouble).matmul(turn.t()) * scale;
    return (up * at::tensor({1., -1., -1.}, at::kDouble) + at::tensor({x, y, 0.}, at::kDouble))
        .to(at::kFloat)
        .unsqueeze(0);
  }
};

TEST(HeadPose, RecoversTurnPlaceAndScale) {
  at::manual_seed(1);
  const Head head;
  for (const double yaw : {-1.2, 0., 0.4})
    for (const double pitch : {-0.7, 0.3})
      for (const double roll : {-2., 0.5}) {
        const auto turn = turn_about(1, yaw).matmul(turn_about(0, -pitch)).matmul(turn_about(2, roll));
        const auto got = head.face().pose(head.seen(turn, 12, 200, 90))[0];
        const auto want = at::tensor({yaw, pitch, roll, 200., 90., 12.}, at::kFloat);
        EXPECT_TRUE(at::allclose(got, want, 1e-4, 1e-4)) << got << want;
      }
}

TEST(HeadPose, SaysWhereTheFaceLooks) {
  const Head head;
  const auto nose = [&](const Tensor& turn) { return turn.select(1, 2); };  // where the canonical z goes
  const auto right = turn_about(1, 0.5);
  EXPECT_GT(nose(right)[0].item<double>(), 0);
  EXPECT_GT(head.face().pose(head.seen(right, 1, 0, 0))[0][0].item<float>(), 0.49);
  const auto up = turn_about(0, -0.5);
  EXPECT_GT(nose(up)[1].item<double>(), 0);
  EXPECT_GT(head.face().pose(head.seen(up, 1, 0, 0))[0][1].item<float>(), 0.49);
}

TEST(HeadPose, AMirrorImageIsNoTurn) {
  const Head head;
  const auto mirrored = head.seen(at::eye(3, at::kDouble), 5, 0, 0) * at::tensor({-1.F, 1.F, 1.F});
  EXPECT_TRUE(at::isfinite(head.face().pose(mirrored)).all().item<bool>());
}

TEST(HeadPose, BadFilesAreNamed) {
  const auto path = test::scratch("canonical.safetensors");
  const auto landmarks = at::tensor({1, 2, 3, 4}, at::kLong);
  const auto message = [&](const Tensor& numbers, const Tensor& points, const Tensor& weights) {
    io::write_safetensors(
        path,
        {{"landmarks", io::to_array(numbers)}, {"points", io::to_array(points)}, {"weights", io::to_array(weights)}});
    return test::error_of<CheckpointError>([&] { CanonicalFace face(path); });
  };
  const auto points = at::randn({4, 3}), weights = at::ones({4});
  EXPECT_THAT(message(landmarks + 475, points, weights),
              HasSubstr("canonical.safetensors: expected landmarks [K] below 478"));
  EXPECT_THAT(message(-landmarks, points, weights), HasSubstr("expected landmarks [K] below 478"));
  EXPECT_THAT(message(landmarks, at::randn({5, 3}), weights), HasSubstr("points [K, 3]"));
  EXPECT_THAT(message(landmarks, points, -weights), HasSubstr("positive weights"));
  EXPECT_THAT(message(landmarks, points, weights.to(at::kDouble)),
              HasSubstr("weights: expected Float, found [4] float64"));
  EXPECT_THAT(test::error_of<CheckpointError>([] { CanonicalFace face("nowhere.safetensors"); }),
              HasSubstr("nowhere.safetensors: no such file"));
}

}  // namespace
}  // namespace kuda
