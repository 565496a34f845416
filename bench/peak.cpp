#include "peak.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <vector>

#include "kuda/tensor/products.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr double kSecondsEach = 0.6;

struct Product {
  std::string name;
  std::function<Tensor(const Tensor& x, const Tensor& weight)> run;  ///< [n, n] each
};

std::vector<Product> products() {
  std::vector<Product> found{
      {"mm", [](const Tensor& x, const Tensor& weight) { return torch::mm(x, weight); }},
      {"linear", [](const Tensor& x, const Tensor& weight) { return at::linear(x, weight); }},
  };
  if (has_onednn())
    found.push_back(
        {"oneDNN linear", [](const Tensor& x, const Tensor& weight) { return onednn_product(x, weight, {}); }});
  return found;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Keeps the better of `best` and what this way of multiplying reaches.
void try_product(const Product& way, torch::ScalarType type, double& best, std::string& by) {
  constexpr int kRuns = 5;
  double left = kSecondsEach;
  for (const std::int64_t n : {256, 512, 1024, 2048}) {
    const auto x = torch::randn({n, n}).to(type), weight = torch::randn({n, n}).to(type);
    const auto run = [&] { (void)way.run(x, weight); };
    double shortest = seconds_of(run);  // the first call also makes plans and touches memory
    left -= shortest;
    for (int i = 0; i < kRuns && left > 0; ++i) {
      const double seconds = seconds_of(run);
      left -= seconds;
      shortest = std::min(shortest, seconds);
    }
    const double rate = 2e-9 * double(n * n * n) / shortest;
    if (rate > best) {
      best = rate;
      by = fmt::format("{}, {} x {}", way.name, n, n);
    }
    if (left < 2 * 8 * shortest) return;  // two runs of the next size, each with eight times the work
  }
}

}  // namespace

Peak measure_peak() {
  const torch::NoGradGuard no_grad;
  Peak peak;
  for (const auto& way : products()) {
    try {
      try_product(way, torch::kFloat32, peak.fp32, peak.fp32_by);
      try_product(way, torch::kBFloat16, peak.bf16, peak.bf16_by);
    } catch (const std::exception&) {
      // A processor or a build on which this operator does not work: the others remain.
    }
  }
  return peak;
}

}  // namespace kuda
