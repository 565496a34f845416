#include "kuda/extract/face/head_pose.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/extract/face/mesh.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using at::Tensor;

Tensor read(const io::ArrayFile& file, const char* key, at::ScalarType type) {
  auto values = io::to_tensor(file.at(key));
  if (values.scalar_type() != type)
    throw CheckpointError(fmt::format("{}: {}: expected {}, found {}", file.path.string(), key, c10::toString(type),
                                      file.at(key).describe()));
  return values;
}

}  // namespace

CanonicalFace::CanonicalFace(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw CheckpointError(path.string() + ": no such file, though the pose of the head needs it", kMakeFaceWeights);
  const auto file = io::read_safetensors(path);
  landmarks_ = read(file, "landmarks", at::kLong).clone();
  const auto points = read(file, "points", at::kFloat), weights = read(file, "weights", at::kFloat);
  const auto count = landmarks_.numel();
  const bool fits = landmarks_.dim() == 1 && count >= 4 && points.sizes() == at::IntArrayRef({count, 3}) &&
                    weights.sizes() == at::IntArrayRef({count}) && landmarks_.min().item<std::int64_t>() >= 0 &&
                    landmarks_.max().item<std::int64_t>() < kMeshPoints && at::isfinite(points).all().item<bool>() &&
                    (weights > 0).all().item<bool>() && at::isfinite(weights).all().item<bool>();
  if (!fits)
    throw CheckpointError(
        fmt::format("{}: expected landmarks [K] below {}, points [K, 3] and positive weights [K], K "
                    "from 4 on, found {} landmarks",
                    path.string(), kMeshPoints, count));
  prepare(points, weights);
}

CanonicalFace::CanonicalFace(Tensor landmarks, const Tensor& points, const Tensor& weights)
    : landmarks_(std::move(landmarks)) {
  prepare(points, weights);
}

void CanonicalFace::prepare(const Tensor& points, const Tensor& weights) {
  weights_ = weights.to(at::kDouble).unsqueeze(1);
  weights_ = weights_ / weights_.sum();
  middle_ = (points.to(at::kDouble) * weights_).sum(0);
  centred_ = points.to(at::kDouble) - middle_;
  spread_ = (centred_.square() * weights_).sum().item<double>();
}

Tensor CanonicalFace::pose(const Tensor& points) const {
  const at::NoGradGuard no_grad;
  const auto axes = at::tensor({1., -1., -1.}, at::kDouble);                    // y up, z towards who looks
  const auto seen = points.index_select(1, landmarks_).to(at::kDouble) * axes;  // [N, K, 3]
  const auto middle = (seen * weights_).sum(1);                                 // [N, 3]
  const auto covariance = ((seen - middle.unsqueeze(1)) * weights_).transpose(1, 2).matmul(centred_);  // [N, 3, 3]
  const auto [u, s, vt] = at::linalg_svd(covariance, /*full_matrices=*/false);
  auto signs = at::ones_like(s);  // a mirror image is no turn
  signs.select(1, 2).copy_(at::linalg_det(u.matmul(vt)).sign());
  const auto turn = (u * signs.unsqueeze(1)).matmul(vt);              // [N, 3, 3]: canonical to seen
  const auto scale = (s * signs).sum(1, /*keepdim=*/true) / spread_;  // [N, 1]
  const auto shift = middle - scale * turn.matmul(middle_);           // [N, 3]: where the canonical origin is
  const auto at_place = [&](std::int64_t row, std::int64_t column) { return turn.select(1, row).select(1, column); };
  // turn = Ry(yaw) Rx(-pitch) Rz(roll)
  return at::stack(
             {at::atan2(at_place(0, 2), at_place(2, 2)), at_place(1, 2).clamp(-1, 1).asin(),
              at::atan2(at_place(1, 0), at_place(1, 1)), shift.select(1, 0), -shift.select(1, 1), scale.select(1, 0)},
             1)
      .to(at::kFloat);
}

}  // namespace kuda
