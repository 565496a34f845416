#include "kuda/experiments/explain_run.h"

#include "kuda/base/file.h"
#include "kuda/data/synth/synth.h"
#include "kuda/evaluation/scorer.h"
#include "kuda/explain/explain.h"
#include "kuda/tensor/device.h"

namespace kuda {

std::vector<std::optional<Modality>> dominant_of(const Dataset& dataset, const std::vector<std::int64_t>& rows) {
  const auto truth = truth_beside(dataset);
  std::vector<std::optional<Modality>> dominant;
  if (truth.empty()) return dominant;
  for (const auto row : rows) dominant.emplace_back(truth[std::size_t(row)].dominant);
  return dominant;
}

void explain_run(const std::filesystem::path& run, const RunConfig& config, const std::atomic<bool>& stop) {
  const auto path = run / "explain.json";
  if (std::filesystem::exists(path)) return;
  const auto dataset = open_dataset(config.data);
  const auto rows = dataset.rows(Split::test);
  if (rows.empty()) return;
  ScoringOptions scoring;
  scoring.batch_size = config.train.scoring_batch_size();
  scoring.device = config.device;
  const Scorer scorer(run, dataset, scoring);
  const auto explanations =
      explain_rows(*scorer.checkpoint().model, [&](const auto& part) { return scorer.collator()(part); }, rows,
                   {scoring.batch_size, device_of(scoring.device), "explain", nullptr, &stop});
  write_file(path, summary_json(summarise(explanations, dominant_of(dataset, rows)), Split::test, dataset.fingerprint));
}

}  // namespace kuda
