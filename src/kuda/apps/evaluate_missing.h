#pragma once
// kuda evaluate --missing: scores when modalities are missing or noisy, of one checkpoint or of many.

#include <CLI/App.hpp>

#include <string>
#include <vector>

#include "kuda/apps/scoring_options.h"

namespace kuda {

struct MissingArguments {
  std::string rates, lose = "random", as = "modality";
  std::int64_t seed = 1;
  CLI::Option* asked = nullptr;  ///< --missing

  /// --missing, --lose, --lose-as, --lose-seed; `by` is what cannot be asked for at the same time.
  void add_to(CLI::App& verb, CLI::Option* by);
  [[nodiscard]] bool is_asked() const { return asked->count() > 0; }
};

/// `paths`: checkpoints, run folders, or folders that hold run folders. Prints tables, or JSON; writes files where
/// `out` is not empty.
void evaluate_missing(const std::vector<std::string>& paths, const ScoringArguments& scoring,
                      const MissingArguments& missing, const std::string& out, bool json);

}  // namespace kuda
