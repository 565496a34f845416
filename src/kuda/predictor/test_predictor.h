#pragma once
// A predictor of the small trained run, and the data set that it was trained on. For tests only.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "kuda/base/error.h"
#include "kuda/predictor/predictor.h"
#include "kuda/predictor/test_clips.h"

namespace kuda::test {

// What is promised. The scores of these small models lie below 1, where float32 rounding is below 1e-7 an operation.
inline constexpr double kPromise = 1e-6;

class TrainedModel : public testing::Test {
 protected:
  const std::filesystem::path& folder = trained_run();
  Dataset dataset = open_dataset(folder / "clips");
  Predictor predictor{folder / "run", {.level = 0.8}};
  [[nodiscard]] std::string refused(const ClipInput& clip) const {
    return error_of<DataError>([&] { (void)predictor.score(clip); });
  }
};

}  // namespace kuda::test
