#include "kuda/extract/face/detector.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr std::int64_t kDetectorSize = 192;  ///< of its input
constexpr std::int64_t kCells = 48;          ///< along a side; one candidate each
constexpr std::int64_t kNumbers = 16;        ///< of a candidate: middle, size and six points, x and y of each
constexpr double kSameCandidate = 0.3;       ///< overlap from which two candidates are one face

/// Middle, size, right eye, left eye (x and y of each) in the network's input, 0 to 1.
struct Candidate {
  double score = 0;
  std::array<double, 8> numbers{};
  [[nodiscard]] Box box() const {
    return {numbers[0] - numbers[2] / 2, numbers[1] - numbers[3] / 2, numbers[0] + numbers[2] / 2,
            numbers[1] + numbers[3] / 2};
  }
};

double overlap(const Box& a, const Box& b) {
  const Box both{std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right),
                 std::min(a.bottom, b.bottom)};
  const auto all = a.area() + b.area() - both.area();
  return all > 0 ? both.area() / all : 0;
}

/// Those of the score or more, the best first.
std::vector<Candidate> candidates(const float* boxes, const float* logits, double minimum) {
  std::vector<Candidate> found;
  for (std::int64_t i = 0; i < kCells * kCells; ++i) {
    const double score = 1 / (1 + std::exp(-double(logits[i])));
    if (!(score >= minimum)) continue;
    Candidate candidate{.score = score};
    for (std::size_t k = 0; k < candidate.numbers.size(); ++k) {
      candidate.numbers[k] = double(boxes[i * kNumbers + std::int64_t(k)]) / kDetectorSize;
      const bool is_place = k < 2 || k >= 4;  // relative to the middle of the cell
      if (is_place) candidate.numbers[k] += (double(k % 2 == 0 ? i % kCells : i / kCells) + 0.5) / kCells;
    }
    candidate.numbers[2] = std::fabs(candidate.numbers[2]);
    candidate.numbers[3] = std::fabs(candidate.numbers[3]);
    if (std::ranges::all_of(candidate.numbers, [](double x) { return std::isfinite(x); })) found.push_back(candidate);
  }
  std::ranges::stable_sort(found, std::greater{}, &Candidate::score);
  return found;
}

/// The best of `rest` and those that overlap with it, which leave `rest`.
Candidate merge_best(std::vector<Candidate>& rest) {
  const auto best = rest.front().box();
  Candidate merged{.score = rest.front().score};
  double weight = 0;
  bool is_first = true;  // goes in any case: a box without area overlaps with nothing
  std::erase_if(rest, [&](const Candidate& other) {
    if (!std::exchange(is_first, false) && overlap(best, other.box()) <= kSameCandidate) return false;
    for (std::size_t k = 0; k < merged.numbers.size(); ++k) merged.numbers[k] += other.score * other.numbers[k];
    weight += other.score;
    return true;
  });
  for (auto& number : merged.numbers) number /= weight;
  return merged;
}

}  // namespace

FaceDetector::FaceDetector(const std::filesystem::path& stem) : network_(stem) {
  if (network_.input_shape() != Shape{1, kDetectorSize, kDetectorSize, 3} ||
      network_.output_shapes() != std::vector<Shape>{{1, kCells * kCells, kNumbers}, {1, kCells * kCells, 1}})
    throw CheckpointError(stem.string() +
                              ".json: expected BlazeFace full range: [1, 192, 192, 3] to [1, 2304, 16] and "
                              "[1, 2304, 1]",
                          kMakeFaceWeights);
}

std::vector<DetectedFace> FaceDetector::detect(const at::Tensor& picture, double minimum, int most) const {
  const double height = double(picture.size(0)), width = double(picture.size(1)), side = std::max(height, width);
  auto input = at::empty({1, kDetectorSize, kDetectorSize, 3}, at::kFloat);
  crop(picture, {.x = width / 2, .y = height / 2, .side = side, .angle = 0}, Outside::zero, -1, 1, kDetectorSize,
       input.mutable_data_ptr<float>());
  const auto out = network_.run(input);
  auto rest = candidates(out[0].const_data_ptr<float>(), out[1].const_data_ptr<float>(), minimum);
  std::vector<DetectedFace> faces;
  while (!rest.empty() && std::ssize(faces) < most) {
    const auto face = merge_best(rest);
    const auto& n = face.numbers;
    const double left = (width - side) / 2, top = (height - side) / 2;  // of the square that the network saw
    const auto box = face.box();
    faces.push_back(
        {.score = face.score,
         .box = {box.left * side + left, box.top * side + top, box.right * side + left, box.bottom * side + top},
         .square = {.x = n[0] * side + left,
                    .y = n[1] * side + top,
                    .side = std::max(n[2], n[3]) * side * kMeshMargin,
                    .angle = std::atan2(n[7] - n[5], n[6] - n[4])}});
  }
  return faces;
}

}  // namespace kuda
