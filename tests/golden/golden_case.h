#pragma once
// One golden file: numbers from a published implementation, and the report of a comparison with them.
//
//   GoldenCase golden("kmsa_train.safetensors");
//   GoldenReport report(golden);
//   report.compare("out/pred", prediction);
//   report.finish();                        // names what was not compared
//   std::cout << report.text();

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "kuda/io/safetensors.h"

namespace kuda::golden {

class GoldenCase {
 public:
  /// `weights`: a published state dictionary that holds weight/*, empty: the file itself.
  explicit GoldenCase(const std::filesystem::path& path, std::filesystem::path weights = {});
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_.path; }
  [[nodiscard]] const std::filesystem::path& weights() const noexcept { return weights_; }
  [[nodiscard]] const nlohmann::json& config() const noexcept { return config_; }
  [[nodiscard]] std::string metadata(const std::string& key) const;
  [[nodiscard]] bool has(const std::string& key) const { return file_.arrays.contains(key); }
  [[nodiscard]] torch::Tensor tensor(const std::string& key) const;  ///< a private copy
  [[nodiscard]] std::vector<std::string> keys(const std::string& prefix) const;
  /// The entries below `prefix` with the prefix removed, as a file of weights.
  [[nodiscard]] io::ArrayFile part(const std::string& prefix) const;
  /// True for a tensor that the file's author lists as holding pure rounding noise.
  [[nodiscard]] bool is_noise(const std::string& key) const { return noise_.contains(key); }
  /// Largest absolute error allowed for a key: the file's own tolerance, else 1e-5 (see golden_case.cpp).
  [[nodiscard]] double tolerance(const std::string& key) const;

 private:
  io::ArrayFile file_;
  std::filesystem::path weights_;
  nlohmann::json config_, tolerances_;
  std::map<std::string, double> float64_distance_;  ///< of the reference from its own float64 run
  std::set<std::string> noise_;
};

struct Comparison {
  std::string key;
  double absolute = 0, relative = 0, tolerance = 0;
  bool holds = false;
  std::string note;
};

class GoldenReport {
 public:
  explicit GoldenReport(const GoldenCase& golden) : golden_(golden) {}
  /// |found - stored| <= tolerance * max(1, |stored|), element by element; shapes must agree up to size-1 axes.
  void compare(const std::string& key, const torch::Tensor& found);
  /// A number for every step of every epoch, stored as [epochs, steps] or one after the other. An epoch that ended
  /// early has fewer steps; the places of those that it did not make hold 0 or NaN.
  void compare_steps(const std::string& key, const std::vector<std::vector<torch::Tensor>>& epochs);
  /// One AdamW step: elements with |grad| >= 1e-6 to 5e-7 or 2 ulp; the others only within the step's largest size,
  /// because their direction is rounding noise (the golden notes say so).
  void compare_step(const std::string& name, const torch::Tensor& found, double lr, double weight_decay);
  void expect(const std::string& key, bool holds, const std::string& note);
  void used(const std::string& key) { compared_.insert(key); }
  void used_prefix(const std::string& prefix);
  /// Adds a failure for every key of the file that was neither compared nor used.
  void finish();
  [[nodiscard]] bool holds() const;
  [[nodiscard]] double largest_error() const;
  [[nodiscard]] std::string text(bool all_lines) const;
  [[nodiscard]] const std::vector<Comparison>& comparisons() const noexcept { return comparisons_; }
  /// What was compared with the stored tensors, by key: what a file of our own would hold.
  [[nodiscard]] const std::map<std::string, torch::Tensor>& found() const noexcept { return found_; }

 private:
  void compare_with(const std::string& key, const torch::Tensor& stored, const torch::Tensor& found);

  const GoldenCase& golden_;
  std::vector<Comparison> comparisons_;
  std::set<std::string> compared_;
  std::map<std::string, torch::Tensor> found_;
};

struct GoldenSummary {
  std::size_t values = 0;  ///< compared: outputs, loss terms, gradients, steps, states
  double largest = 0;      ///< absolute error
};

/// Finds the check that belongs to the file and runs it to its end, finish() included. Throws Error for a file of an
/// unknown kind.
void run_check(const GoldenCase& golden, GoldenReport& report);

/// Checks any golden file (safetensors or json of golden/common); the report's text goes to `text`.
/// `weights`: as in GoldenCase. Returns false if something does not hold. Throws DataError for a file in a folder that
/// has no check.
bool check_file(const std::filesystem::path& path, bool all_lines, std::string& text, GoldenSummary* summary = nullptr,
                const std::filesystem::path& weights = {});

/// The facts of golden/common that are json.
bool check_json(const std::filesystem::path& path, std::string& text);

/// Every stored gradient; a parameter without a stored one must have none.
void compare_gradients(GoldenReport& report, const GoldenCase& golden, const torch::nn::Module& module);

/// Compares all that a golden file holds with ours.
using Check = void (*)(const GoldenCase&, GoldenReport&);
/// By the folder that a golden file lies in: check_NAME of NAME_cases.cpp (CMakeLists.txt makes the list).
[[nodiscard]] const std::map<std::string, Check>& checks();

// Kinds of case that are no model's own.
void check_bert(const GoldenCase& golden, GoldenReport& report);
void check_windows(const GoldenCase& golden, GoldenReport& report);

}  // namespace kuda::golden
