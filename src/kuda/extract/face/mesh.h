#pragma once
// 478 points of a face, and 52 blendshapes from them (MediaPipe's face mesh with iris, and its blendshapes of 2023).
//
//   const FaceMesh mesh("extractors/default/face");
//   const auto faces = mesh.points(picture, squares);                     // a batch of the faces of a picture
//   const auto shapes = mesh.blendshapes(points);                         // [N, 478, 3] -> [N, 52]

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "kuda/extract/face/crop.h"
#include "kuda/extract/face/network.h"

namespace kuda {

inline constexpr std::int64_t kMeshPoints = 478, kBlendshapes = 52;

struct MeshFace {
  at::Tensor points;  ///< [478, 3] float32: x, y in pixels of the picture (y down), z in the same scale, 0 at the
                      ///< middle of the head, below 0 towards the camera
  double score = 0;   ///< that it is a face
  Box box;            ///< of the points
  Square next;        ///< where to look in the next picture
  double mouth = 0;   ///< opening: distance of the inner lips in parts of that of the outer corners of the eyes
  bool is_finite = false;
};

class FaceMesh {
 public:
  /// Throws what Network throws, and CheckpointError for networks of other shapes.
  explicit FaceMesh(const std::filesystem::path& folder);
  /// picture uint8 [H, W, 3]; squares as FaceDetector or the picture before gave them.
  [[nodiscard]] std::vector<MeshFace> points(const at::Tensor& picture, const std::vector<Square>& squares) const;
  /// points [N, 478, 3] -> [N, 52], 0 to 1.
  [[nodiscard]] at::Tensor blendshapes(const at::Tensor& points) const;

 private:
  Network mesh_, blendshapes_;
  at::Tensor chosen_;  ///< [146] int64: the points that the blendshapes see
};

}  // namespace kuda
