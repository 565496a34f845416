#pragma once
// Where one shot ends and another begins, seen in the pictures alone.
//
//   ShotCuts cuts;
//   for (const auto& picture : clip) if (cuts.is_cut(picture)) ...

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

namespace kuda {

/// The picture is reduced to the mean brightness (green) of 16 x 16 fields. A cut is where these differ from those of
/// the picture before by 0.03 of the range or more on average, and by six times what they did over the last pictures (a
/// running mean with weight 0.2 for the newest): people who move, and a camera that pans, change the picture all the
/// time, a cut once. The first difference of a shot only says what is usual in it, so a shot has two pictures or more.
/// Dissolves are not seen.
class ShotCuts {
 public:
  /// Of the next picture, uint8 [H, W, 3]; the first is none.
  [[nodiscard]] bool is_cut(const at::Tensor& picture);

 private:
  std::vector<float> before_;
  std::optional<double> usual_;  ///< difference in this shot
};

}  // namespace kuda
