#pragma once
// Options shared by the verbs that score clips with a checkpoint.

#include <CLI/App.hpp>

#include <string>

#include "kuda/base/named_values.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/evaluation/scorer.h"

namespace kuda {

/// --precision, for every verb that scores.
void add_scoring_precision(CLI::App& verb, std::string& precision);

/// Which intervals stand around the scores.
struct IntervalArguments {
  double level = 0.9;
  std::string form = name_of(IntervalForm::split);

  void add_to(CLI::App& verb);  ///< --level, --interval
  [[nodiscard]] IntervalForm value() const { return interval_form_from(form); }
};

struct ScoringArguments {
  std::string data, split, modalities;
  ScoringOptions scoring;

  /// -d (required), --split, --modalities, --batch, --device, --precision. Returns the option --split.
  CLI::Option* add_to(CLI::App& verb, const std::string& default_split);
  /// With the modalities as names. Throws ConfigError.
  [[nodiscard]] ScoringOptions options() const;
};

}  // namespace kuda
