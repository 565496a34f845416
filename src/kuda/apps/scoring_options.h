#pragma once
// Options shared by the verbs that score clips with a checkpoint.

#include <CLI/App.hpp>

#include <string>

#include "kuda/evaluation/scorer.h"

namespace kuda {

/// --precision, for every verb that scores.
void add_scoring_precision(CLI::App& verb, std::string& precision);

struct ScoringArguments {
  std::string data, split, modalities;
  ScoringOptions scoring;

  /// -d (required), --split, --modalities, --batch, --device, --precision. Returns the option --split.
  CLI::Option* add_to(CLI::App& verb, const std::string& default_split);
  /// With the modalities as names. Throws ConfigError.
  [[nodiscard]] ScoringOptions options() const;
};

}  // namespace kuda
