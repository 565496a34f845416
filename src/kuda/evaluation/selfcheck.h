#pragma once
// Does this build compute what it should on this machine? Every model of the registry is trained for a moment on
// synthetic clips: same seed same bytes, stopped and continued same bytes, saved and loaded same scores, any batch
// size.
//
//   for (const auto& check : self_check({})) std::cout << check.name << ": " << (check.is_good ? "ok" : "FAILED");

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace kuda {

struct SelfCheck {
  std::string name;
  std::string found;  ///< the number that was looked at, or the error
  bool is_good = false;
  double seconds = 0;
};

struct SelfCheckOptions {
  std::filesystem::path encoder{};    ///< text encoder; empty: a tiny one with random weights
  std::vector<std::string> models{};  ///< names; empty: every one of the registry
  std::filesystem::path folder{};     ///< for files; empty: a temporary folder, removed afterwards
  std::string device = "cpu";
  std::function<void(const SelfCheck&)> on_check{};  ///< called after each check, for output while it runs
};

/// Never throws for a check that fails: it is in the list. About half a minute a model. Throws UsageError for a name
/// that no model has.
[[nodiscard]] std::vector<SelfCheck> self_check(const SelfCheckOptions& options);

}  // namespace kuda
