#pragma once
// The fastest matrix product that this machine was seen to make, as a measure for all else in the same run.
//
//   const Peak peak = measure_peak();        // about three seconds

#include <string>

namespace kuda {

/// GFLOP/s with the threads that LibTorch has; `by` names the operator and the size that reached it.
struct Peak {
  double fp32 = 0, bf16 = 0;
  std::string fp32_by, bf16_by;
};

/// Square products of 256 to 2048 rows through LibTorch's two ways (mm and linear) and through oneDNN's linear layer
/// where the build has it, each for about half a second; the best of each kind counts. Sizes that would take longer,
/// as bf16 does on a processor without it, are left out.
[[nodiscard]] Peak measure_peak();

}  // namespace kuda
