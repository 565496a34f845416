#pragma once
// How a head is turned, from points of its face: the turn, scale and shift that lay the canonical face of MediaPipe
// onto them (weighted least squares; Kabsch 1976, with scale by Umeyama 1991). No perspective: it is that of a distant
// head.
//
//   const CanonicalFace canonical("extractors/default/face/canonical.safetensors");
//   const auto pose = canonical.pose(points);                              // [N, 478, 3] -> [N, 6]

#include <ATen/core/Tensor.h>

#include <filesystem>

namespace kuda {

class CanonicalFace {
 public:
  /// Throws FormatError or CheckpointError naming the file and the key.
  explicit CanonicalFace(const std::filesystem::path& path);
  /// The canonical points themselves, for points of which `landmarks` [K] int64 gives the numbers: points [K, 3] in
  /// centimetres, x to the right side of the picture, y up, z towards who looks at it; weights [K].
  CanonicalFace(at::Tensor landmarks, const at::Tensor& points, const at::Tensor& weights);

  /// points [N, 478, 3] float32 in pixels as the mesh gives them (y down, z away from who looks) -> [N, 6] float32:
  /// yaw (towards the right side of the picture), pitch (up), roll (anticlockwise) in radians; where the canonical
  /// middle of the head is, x and y in pixels; pixels a centimetre.
  [[nodiscard]] at::Tensor pose(const at::Tensor& points) const;

 private:
  void prepare(const at::Tensor& points, const at::Tensor& weights);
  at::Tensor landmarks_;  ///< [K] int64
  at::Tensor weights_;    ///< [K, 1] float64, their sum is 1
  at::Tensor middle_;     ///< [3] float64, weighted
  at::Tensor centred_;    ///< [K, 3] float64
  double spread_ = 0;     ///< weighted mean of the squared distance from the middle
};

}  // namespace kuda
