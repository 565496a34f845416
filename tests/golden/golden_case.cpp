#include "golden_case.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/tensor/tensor.h"

namespace kuda::golden {

using torch::Tensor;

GoldenCase::GoldenCase(const std::filesystem::path& path, std::filesystem::path weights)
    : file_(io::read_safetensors(path)), weights_(std::move(weights)) {
  config_ = nlohmann::json::parse(metadata("config").empty() ? "{}" : metadata("config"));
  const auto facts = [this](const char* key, const char* otherwise) {
    return nlohmann::json::parse(metadata(key).empty() ? otherwise : metadata(key));
  };
  tolerances_ = facts("tolerances", "{}");
  for (const char* key : {"fp64_diff", "fp32_vs_fp64_over_2e-6"}) {
    const auto distances = facts(key, "{}");
    for (const auto& [name, distance] : distances.items()) float64_distance_[name] = distance;
  }
  const auto noise = facts("do_not_compare", "[]");
  for (const auto& name : noise) noise_.insert(name);
}

std::string GoldenCase::metadata(const std::string& key) const {
  const auto found = file_.metadata.find(key);
  return found == file_.metadata.end() ? std::string() : found->second;
}

Tensor GoldenCase::tensor(const std::string& key) const { return io::to_tensor(file_.at(key)).clone(); }

std::vector<std::string> GoldenCase::keys(const std::string& prefix) const {
  std::vector<std::string> keys;
  for (const auto& [key, array] : file_.arrays)
    if (key.starts_with(prefix)) keys.push_back(key);
  return keys;
}

io::ArrayFile GoldenCase::part(const std::string& prefix) const {
  io::ArrayFile part;
  part.path = file_.path;
  for (const auto& key : keys(prefix)) part.arrays[key.substr(prefix.size())] = file_.arrays.at(key);
  return part;
}

double GoldenCase::tolerance(const std::string& key) const {
  // float32 against float32 in another order of summation: the references differ from their own float64 run by up to
  // 1e-6 per value; where that distance is larger, the file names its own tolerance.
  constexpr double kTolerance = 1e-5;
  double tolerance = kTolerance;
  if (tolerances_.contains(key)) tolerance = std::max(tolerance, tolerances_[key].get<double>());
  // As the collection's README says: ten times the reference's own distance from float64.
  if (const auto found = float64_distance_.find(key); found != float64_distance_.end())
    tolerance = std::max(tolerance, 10 * found->second);
  return tolerance;
}

void GoldenReport::expect(const std::string& key, bool holds, const std::string& note) {
  compared_.insert(key);
  comparisons_.push_back({key, 0, 0, 0, holds, note});
}

void GoldenReport::compare(const std::string& key, const Tensor& found) {
  compare_with(key, golden_.has(key) ? golden_.tensor(key) : Tensor(), found);
}

void GoldenReport::compare_steps(const std::string& key, const std::vector<std::vector<Tensor>>& epochs) {
  auto stored = golden_.has(key) ? golden_.tensor(key) : Tensor();
  if (stored.defined() && stored.dim() == 1 && epochs.size() > 1) {
    std::vector<Tensor> all;
    for (const auto& steps : epochs) all.insert(all.end(), steps.begin(), steps.end());
    return compare_with(key, stored, torch::stack(all));
  }
  std::size_t most = 0;
  for (const auto& steps : epochs) most = std::max(most, steps.size());
  if (stored.defined() && stored.dim() == 2) most = std::max(most, std::size_t(stored.size(1)));
  std::vector<Tensor> rows;
  for (std::size_t epoch = 0; epoch < epochs.size(); ++epoch) {
    const auto& steps = epochs[epoch];
    const auto made = std::int64_t(steps.size());
    rows.push_back(torch::zeros({std::int64_t(most)}));
    if (!steps.empty()) rows.back().slice(0, 0, made).copy_(torch::stack(steps).detach());
    if (stored.defined() && stored.dim() == 2 && std::int64_t(epoch) < stored.size(0))
      stored[std::int64_t(epoch)].slice(0, made).nan_to_num_(0);  // steps that were not made
  }
  compare_with(key, stored, torch::stack(rows));
}

void GoldenReport::compare_with(const std::string& key, const Tensor& in_file, const Tensor& found) {
  compared_.insert(key);
  if (found.defined()) found_[key] = found.detach().clone();
  Comparison line{key, 0, 0, golden_.tolerance(key), false, ""};
  if (golden_.is_noise(key)) {
    line.note = "not compared: rounding noise by the file's own list";
    line.holds = true;
  } else if (!in_file.defined()) {
    line.note = "not in the file";
  } else if (!found.defined()) {
    line.note = "the model gave none";
  } else {
    const auto stored = in_file.to(torch::kFloat64).squeeze();
    const auto value = found.detach().to(torch::kFloat64).squeeze();
    if (stored.sizes() != value.sizes()) {
      line.note = fmt::format("shape: {} elements stored, {} found", stored.numel(), value.numel());
    } else {
      const auto error = (value - stored).abs();
      const auto excess = error / stored.abs().clamp_min(1);
      line.absolute = error.numel() > 0 ? error.max().item<double>() : 0;
      line.relative = error.numel() > 0 ? (error / stored.abs().clamp_min(1e-12)).max().item<double>() : 0;
      const double worst = error.numel() > 0 ? excess.max().item<double>() : 0;
      line.holds = std::isfinite(worst) && worst <= line.tolerance;
      if (!line.holds)
        line.note = fmt::format("first bad index {}", (excess > line.tolerance).flatten().nonzero()[0].item<int64_t>());
    }
  }
  comparisons_.push_back(line);
}

void GoldenReport::compare_step(const std::string& name, const Tensor& found, double lr, double weight_decay) {
  const auto key = "step/" + name;
  compared_.insert(key);
  const auto before = golden_.tensor("weight/" + name).to(torch::kFloat64);
  const auto stored = golden_.tensor(key).to(torch::kFloat64);
  const auto grad = golden_.tensor("grad/" + name);
  const auto value = found.detach().to(torch::kFloat64);
  constexpr double kUlp = 1.1920929e-7;  // of float32, relative
  const auto is_clear = grad.abs() >= 1e-6;
  const auto exact = (value - stored).abs() <= (2 * kUlp * before.abs()).clamp_min(5e-7);
  const auto bounded =
      (value - before).abs() <= 1.01 * lr + 2 * lr * weight_decay * before.abs() + 2 * kUlp * before.abs();
  Comparison line{key, 0, 0, 5e-7, false, ""};
  const auto error = torch::where(is_clear, (value - stored).abs(), torch::zeros_like(value));
  line.absolute = error.max().item<double>();
  line.relative = (error / stored.abs().clamp_min(1e-12)).max().item<double>();
  line.holds = torch::where(is_clear, exact, bounded).all().item<bool>();
  comparisons_.push_back(line);
}

void GoldenReport::used_prefix(const std::string& prefix) {
  for (const auto& key : golden_.keys(prefix)) compared_.insert(key);
}

void GoldenReport::finish() {
  for (const auto& key : golden_.keys(""))
    if (!compared_.contains(key)) comparisons_.push_back({key, 0, 0, 0, false, "not compared"});
}

bool GoldenReport::holds() const {
  for (const auto& line : comparisons_)
    if (!line.holds) return false;
  return !comparisons_.empty();
}

double GoldenReport::largest_error() const {
  double largest = 0;
  for (const auto& line : comparisons_) largest = std::max(largest, line.absolute);
  return largest;
}

std::string GoldenReport::text(bool all_lines) const {
  std::string text;
  std::size_t failures = 0;
  for (const auto& line : comparisons_) {
    if (!line.holds) ++failures;
    if (all_lines || !line.holds)
      text +=
          fmt::format("  {} {}: absolute {:.2e}, relative {:.2e}, allowed {:.1e} {}\n", line.holds ? "ok  " : "FAIL",
                      line.key, line.absolute, line.relative, line.tolerance, line.note);
  }
  return fmt::format("{} {}: {} values compared, largest absolute error {:.2e}, {} do not hold\n{}",
                     holds() ? "PASS" : "FAIL", golden_.path().filename().string(), comparisons_.size(),
                     largest_error(), failures, text);
}

}  // namespace kuda::golden
