#include "kuda/extract/face/mesh.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using at::Tensor;

constexpr std::int64_t kMeshSize = 256;  ///< of the mesh's input
constexpr std::int64_t kChosen = 146;    ///< points that the blendshapes see
constexpr int kRightEye = 33, kLeftEye = 263, kUpperLip = 13, kLowerLip = 14;

// MediaPipe's face_blendshapes_graph.cc.
constexpr std::int64_t kBlendshapePoints[kChosen] = {
    0,   1,   4,   5,   6,   7,   8,   10,  13,  14,  17,  21,  33,  37,  39,  40,  46,  52,  53,  54,  55,
    58,  61,  63,  65,  66,  67,  70,  78,  80,  81,  82,  84,  87,  88,  91,  93,  95,  103, 105, 107, 109,
    127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163,
    168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283,
    284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334,
    336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389,
    390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477};

/// The upright box, and the square around the points as they lie when the eyes are level.
void surround(MeshFace& face) {
  const auto points = face.points.accessor<float, 2>();
  const double angle =
      std::atan2(points[kLeftEye][1] - points[kRightEye][1], points[kLeftEye][0] - points[kRightEye][0]);
  const double c = std::cos(angle), s = std::sin(angle);
  constexpr double kFar = std::numeric_limits<double>::infinity();
  Box upright{kFar, kFar, -kFar, -kFar}, level = upright;
  const auto include = [](Box& box, double x, double y) {
    box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x), std::max(box.bottom, y)};
  };
  for (std::int64_t i = 0; i < kMeshPoints; ++i) {
    const double x = points[i][0], y = points[i][1];
    include(upright, x, y);
    include(level, x * c + y * s, y * c - x * s);
  }
  face.box = upright;
  const double x = (level.left + level.right) / 2, y = (level.top + level.bottom) / 2;
  face.next = {.x = x * c - y * s,
               .y = x * s + y * c,
               .side = std::max(level.right - level.left, level.bottom - level.top) * kMeshMargin,
               .angle = angle};
}

double distance(const Tensor& points, int a, int b) {
  const auto p = points.accessor<float, 2>();
  return std::hypot(p[a][0] - p[b][0], p[a][1] - p[b][1], p[a][2] - p[b][2]);
}

}  // namespace

FaceMesh::FaceMesh(const std::filesystem::path& folder)
    : mesh_(folder / "mesh"),
      blendshapes_(folder / "blendshapes"),
      chosen_(at::tensor(at::ArrayRef<std::int64_t>(kBlendshapePoints, kChosen), at::kLong)) {
  const auto& shapes = mesh_.output_shapes();
  if (mesh_.input_shape() != Shape{1, kMeshSize, kMeshSize, 3} || shapes.size() < 2 ||
      shapes[0] != Shape{1, 1, 1, 3 * kMeshPoints} || shapes[1] != Shape{1, 1, 1, 1})
    throw CheckpointError((folder / "mesh.json").string() +
                              ": expected the mesh of 478 points: [1, 256, 256, 3] to [1, 1, 1, 1434] and [1, 1, 1, 1]",
                          kMakeFaceWeights);
  if (blendshapes_.input_shape() != Shape{1, kChosen, 2} ||
      blendshapes_.output_shapes() != std::vector<Shape>{{1, kBlendshapes}})
    throw CheckpointError((folder / "blendshapes.json").string() + ": expected blendshapes: [1, 146, 2] to [1, 52]",
                          kMakeFaceWeights);
}

std::vector<MeshFace> FaceMesh::points(const Tensor& picture, const std::vector<Square>& squares) const {
  std::vector<MeshFace> faces;
  if (squares.empty()) return faces;
  auto input = at::empty({std::ssize(squares), kMeshSize, kMeshSize, 3}, at::kFloat);
  for (std::size_t i = 0; i < squares.size(); ++i)
    crop(picture, squares[i], Outside::nearest, 0, 1, kMeshSize,
         input.mutable_data_ptr<float>() + std::int64_t(i) * kMeshSize * kMeshSize * 3);
  const auto out = mesh_.run(input);
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const auto& square = squares[i];
    const auto* raw = out[0].const_data_ptr<float>() + std::int64_t(i) * 3 * kMeshPoints;
    MeshFace face;
    face.score = 1 / (1 + std::exp(-double(out[1].const_data_ptr<float>()[i])));
    face.points = at::empty({kMeshPoints, 3}, at::kFloat);
    auto points = face.points.accessor<float, 2>();
    const double c = std::cos(square.angle), s = std::sin(square.angle), scale = square.side / kMeshSize;
    for (std::int64_t k = 0; k < kMeshPoints; ++k) {
      const double x = (double(raw[3 * k]) - kMeshSize / 2.0) * scale,
                   y = (double(raw[3 * k + 1]) - kMeshSize / 2.0) * scale;
      points[k][0] = float(x * c - y * s + square.x);
      points[k][1] = float(x * s + y * c + square.y);
      points[k][2] = float(double(raw[3 * k + 2]) * scale);
    }
    face.is_finite = at::isfinite(face.points).all().item<bool>();
    if (face.is_finite) {
      surround(face);
      const auto eyes = distance(face.points, kRightEye, kLeftEye);
      face.mouth = eyes > 0 ? distance(face.points, kUpperLip, kLowerLip) / eyes : 0;
    }
    faces.push_back(std::move(face));
  }
  return faces;
}

Tensor FaceMesh::blendshapes(const Tensor& points) const {
  return blendshapes_.run(points.index_select(1, chosen_).slice(2, 0, 2).contiguous())[0];
}

}  // namespace kuda
