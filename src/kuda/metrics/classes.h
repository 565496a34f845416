#pragma once
// Accuracy and F1 of class indices; truth comes first everywhere.
//
//   const double f1 = weighted_f1(truth, predicted);

#include <span>

namespace kuda {

/// Share of equal classes; NaN for no clips. kNoClass equals nothing. Sizes must agree (DataError), here and below.
[[nodiscard]] double accuracy(std::span<const int> truth, std::span<const int> predicted);

/// F1 of each class that occurs on either side, weighted by how often it occurs in `truth`; NaN for no clips.
/// With the arguments swapped this is the published KuDA value, weighted by predicted counts.
[[nodiscard]] double weighted_f1(std::span<const int> truth, std::span<const int> predicted);

/// Plain mean of the F1 of each class that occurs on either side; NaN for no clips.
[[nodiscard]] double macro_f1(std::span<const int> truth, std::span<const int> predicted);

}  // namespace kuda
