#include "kuda/apps/scoring_options.h"

#include <CLI/CLI.hpp>

#include "kuda/apps/number_check.h"
#include "kuda/apps/run_options.h"

namespace kuda {

CLI::Option* ScoringArguments::add_to(CLI::App& verb, const std::string& default_split) {
  split = default_split;
  verb.add_option("-d,--data", data, "feature file (*.pkl) or prepared folder")->required();
  auto* option = verb.add_option("--split", split, "train, valid, test or all")->capture_default_str();
  verb.add_option(
      "--modalities", modalities,
      "use only these, for example T,V; the others are no input at all, while 'without' of explain is a clip that "
      "lacks one");
  verb.add_option("--batch", scoring.batch_size, "clips per batch; any number gives the same scores")
      ->check(whole_number(1))
      ->capture_default_str();
  verb.add_option("--device", scoring.device, "cpu or cuda")->capture_default_str();
  add_scoring_precision(verb, scoring.precision);
  verb.add_flag("--any-recipe", scoring.any_recipe,
                "also features that were made from video by another recipe than those of training");
  return option;
}

void add_scoring_precision(CLI::App& verb, std::string& precision) {
  verb.add_option("--precision", precision,
                  std::string(kPrecisionHelp) +
                      "; int8 = 8-bit products in the text encoder, with errors of a percent or two a layer, which "
                      "depend on the other clips of a batch")
      ->capture_default_str();
}

void IntervalArguments::add_to(CLI::App& verb) {
  verb.add_option("--level", level, "probability with which an interval holds the label")->capture_default_str();
  verb.add_option("--interval", form, "split: one width; magnitude: one for each third by |score|")
      ->check(CLI::IsMember(std::vector<std::string>(kNamesOf<IntervalForm>.begin(), kNamesOf<IntervalForm>.end())))
      ->capture_default_str();
}

ScoringOptions ScoringArguments::options() const {
  auto options = scoring;
  if (!modalities.empty()) options.modalities = modality_names(modalities);
  return options;
}

}  // namespace kuda
