#include "kuda/extract/face/shot_cut.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace kuda {
namespace {

constexpr std::int64_t kFields = 16;  ///< along each side
constexpr std::int64_t kEach = 6;     ///< pixels looked at along each side of a field
constexpr double kLeast = 0.03, kTimesUsual = 6, kNewest = 0.2;

/// Mean brightness of fields, 0 to 1.
std::vector<float> fields(const at::Tensor& picture) {
  const auto* pixels = picture.const_data_ptr<std::uint8_t>();
  const auto height = picture.size(0), width = picture.size(1), row_step = picture.stride(0);
  std::vector<float> means;
  means.reserve(kFields * kFields);
  for (std::int64_t row = 0; row < kFields; ++row)
    for (std::int64_t column = 0; column < kFields; ++column) {
      int sum = 0;
      for (std::int64_t i = 0; i < kEach; ++i)
        for (std::int64_t k = 0; k < kEach; ++k) {
          const auto y = (2 * (row * kEach + i) + 1) * height / (2 * kFields * kEach);
          const auto x = (2 * (column * kEach + k) + 1) * width / (2 * kFields * kEach);
          sum += pixels[y * row_step + 3 * x + 1];
        }
      means.push_back(float(sum) / float(kEach * kEach * 255));
    }
  return means;
}

}  // namespace

bool ShotCuts::is_cut(const at::Tensor& picture) {
  auto now = fields(picture);
  const auto before = std::exchange(before_, now);
  if (before.empty()) return false;
  double difference = 0;
  for (std::size_t i = 0; i < now.size(); ++i) difference += std::fabs(double(now[i]) - double(before[i]));
  difference /= double(now.size());
  const bool is_cut = usual_ && difference >= kLeast && difference >= kTimesUsual * *usual_;
  if (is_cut)
    usual_.reset();  // another shot, of which nothing is known
  else
    usual_ = usual_ ? (1 - kNewest) * *usual_ + kNewest * difference : difference;
  return is_cut;
}

}  // namespace kuda
