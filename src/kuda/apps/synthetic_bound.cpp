#include "kuda/apps/synthetic_bound.h"

#include <fmt/format.h>

#include "kuda/data/synth/synth.h"

namespace kuda {

std::string synthetic_bound(const Dataset& dataset, const std::string& split) {
  const auto truth = truth_beside(dataset);
  if (truth.empty() || split == "all") return "";
  const auto oracle = oracle_scores(dataset, truth, split_from(split));
  return fmt::format(
      "Synthetic rule on these clips: least expected MAE of any predictor {:.4f}; the optimal predictor that knows the "
      "hidden state {:.4f}; a fixed decoder that knows the rule and sees the same input {:.4f}.\n",
      oracle.bound, oracle.bayes_mae, oracle.decoder_mae);
}

}  // namespace kuda
