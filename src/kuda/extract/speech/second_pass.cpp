#include "kuda/extract/speech/second_pass.h"

#include <algorithm>
#include <cmath>

namespace kuda {
namespace {

constexpr std::size_t kFewestInCopy = 4;  // "no, no" is two: so short a copy is believed

double spoken_between(double begin, double end, const std::vector<SpeechPart>& parts) {
  double seconds = 0;
  for (const auto& part : parts) seconds += std::max(0.0, std::min(part.end, end) - std::max(part.begin, begin));
  return seconds;
}

}  // namespace

std::optional<std::size_t> second_pass(const std::vector<std::int64_t>& ids, const std::vector<double>& begins,
                                       const std::vector<double>& middles, const std::vector<SpeechPart>& parts) {
  const auto count = ids.size();
  for (auto n = count / 2; n >= kFewestInCopy; --n) {
    const auto second = count - n, first = second - n;
    if (!std::equal(ids.begin() + std::ptrdiff_t(second), ids.end(), ids.begin() + std::ptrdiff_t(first))) continue;
    double moved = 0;
    for (std::size_t i = 0; i < n; ++i) moved += std::abs(middles[second + i] - middles[first + i]) / double(n);
    const double shortest = double(n) / kMostPiecesPerSecond;
    if (spoken_between(begins[second], begins[count], parts) < shortest && moved < shortest / 2) return second;
  }
  return std::nullopt;
}

}  // namespace kuda
