#include "kuda/extract/voice/axis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

// A time that a file gives with six digits, or that a sum of steps has rounded, is the time that was meant.
constexpr double kSameTime = 1e-6;  // seconds

void require_increasing(std::span<const double> times) {
  for (std::size_t i = 0; i < times.size(); ++i)
    if (!std::isfinite(times[i]) || (i > 0 && times[i] <= times[i - 1]))
      throw DataError(fmt::format("times of a series: frame {}: expected a time after {} s, found {}", i,
                                  i > 0 ? fmt::format("{}", times[i - 1]) : "the start,", times[i]));
}

/// For each frame of the axis one of its two neighbours in the series.
struct Neighbours {
  std::vector<std::int64_t> place;
  std::vector<double> distance;  // seconds; infinite where there is none within reach
  void add(std::span<const double> times, std::int64_t i, double at, double reach) {
    const bool exists = i >= 0 && i < std::int64_t(times.size());
    const double away = exists ? std::abs(times[std::size_t(i)] - at) : INFINITY;
    place.push_back(exists ? i : 0);
    distance.push_back(away <= reach + kSameTime ? away : INFINITY);
  }
  [[nodiscard]] Tensor distances() const { return torch::tensor(distance, torch::kFloat64).unsqueeze(1); }  // [T, 1]
  [[nodiscard]] Tensor of(const Tensor& values) const {
    return values.index_select(0, torch::tensor(place, torch::kInt64));  // [T, C]
  }
};

}  // namespace

std::vector<double> regular_times(double first, double step, std::int64_t count) {
  std::vector<double> times;
  for (std::int64_t i = 0; i < count; ++i) times.push_back(first + step * double(i));
  return times;
}

Tensor lay_on_axis(const Tensor& values, std::span<const double> times, const TimeAxis& axis, Between between,
                   double reach) {
  if (values.dim() != 2 || values.scalar_type() != torch::kFloat32 || values.size(0) != std::int64_t(times.size()))
    throw ShapeError(fmt::format("series: expected [{}, C] float32 for {} times, found [{}] {}", times.size(),
                                 times.size(), fmt::join(values.sizes(), ", "), c10::toString(values.scalar_type())));
  require_increasing(times);
  if (times.empty() || axis.frames == 0) return torch::full({axis.frames, values.size(1)}, NAN);
  Neighbours earlier, later;
  for (std::int64_t i = 0; i < axis.frames; ++i) {
    const double at = double(i) / axis.frames_per_second;
    const auto next = std::upper_bound(times.begin(), times.end(), at + kSameTime) - times.begin();
    earlier.add(times, next - 1, at, reach);
    later.add(times, next, at, reach);
  }
  const auto a = earlier.of(values).to(torch::kFloat64), b = later.of(values).to(torch::kFloat64);  // [T, C]
  const auto to_a = earlier.distances(), to_b = later.distances();                                  // [T, 1]
  const auto has_a = to_a.isfinite() & a.isnan().logical_not(), has_b = to_b.isfinite() & b.isnan().logical_not();
  const auto both =
      between == Between::linear ? (a * to_b + b * to_a) / (to_a + to_b) : torch::where(to_b < to_a, b, a);
  const auto one = torch::where(has_a, a, torch::where(has_b, b, torch::full_like(b, NAN)));
  return torch::where(has_a & has_b, both, one).to(torch::kFloat32);
}

}  // namespace kuda
