#pragma once
// Faces in a picture by BlazeFace, full range: it finds faces from about 4 % of the picture's width on.
//
//   const FaceDetector detector("extractors/default/face/detector");
//   for (const auto& face : detector.detect(picture, 0.5, 4)) ...          // the best first

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <vector>

#include "kuda/extract/face/crop.h"
#include "kuda/extract/face/network.h"

namespace kuda {

struct DetectedFace {
  double score = 0;  ///< 0 to 1
  Box box;           ///< from the brows to the chin, in pixels of the picture
  Square square;     ///< the mesh's input: half as large again, turned with the eyes
};

class FaceDetector {
 public:
  /// Throws what Network throws, and CheckpointError for a network of another shape.
  explicit FaceDetector(const std::filesystem::path& stem);
  /// picture uint8 [H, W, 3]; faces of a score of `minimum` or more, at most so many. Candidates that overlap by more
  /// than 0.3 of what they cover together are one face, the mean of them weighted by score, as in MediaPipe.
  [[nodiscard]] std::vector<DetectedFace> detect(const at::Tensor& picture, double minimum, int most) const;

 private:
  Network network_;
};

}  // namespace kuda
