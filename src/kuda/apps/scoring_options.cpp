#include "kuda/apps/scoring_options.h"

#include <CLI/CLI.hpp>

#include "kuda/apps/run_options.h"

namespace kuda {

CLI::Option* ScoringArguments::add_to(CLI::App& verb, const std::string& default_split) {
  split = default_split;
  verb.add_option("-d,--data", data, "feature file (*.pkl) or prepared folder")->required();
  auto* option = verb.add_option("--split", split, "train, valid, test or all")->capture_default_str();
  verb.add_option("--modalities", modalities, "use only these, for example T,V");
  verb.add_option("--batch", scoring.batch_size, "clips per batch; any number gives the same scores")
      ->capture_default_str();
  verb.add_option("--device", scoring.device, "cpu or cuda")->capture_default_str();
  return option;
}

ScoringOptions ScoringArguments::options() const {
  auto options = scoring;
  if (!modalities.empty()) options.modalities = modality_names(modalities);
  return options;
}

}  // namespace kuda
