#pragma once
// Why a clip has its score: what each modality says alone, how much of each enters the fusion, what changes when one
// is taken away, and where the model itself weighs the modalities, with which weights.
//
//   const auto explanations = explain_rows(*model, collate, rows);
//   explanations[0].leading(Evidence::removal);        // the modality without which the score changes most
//   summarise(explanations).faithfulness

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/checkpoint/predict.h"
#include "kuda/explain/evidence.h"

namespace kuda {

/// Attention of the fused text positions (rows) to those of one modality (columns), of the last block, mean over heads.
struct AttentionMap {
  std::int64_t rows = 0, columns = 0;
  std::vector<float> weights;       ///< row by row; every row sums to 1. Masked columns at the end are left out
  double entropy = 0, row_max = 0;  ///< means over the rows; entropy in nats
};

struct Explanation {
  std::string id;
  float label = kUnknown, score = 0;
  PerModality<float> unimodal{kUnknown, kUnknown, kUnknown};  ///< scores of the model's own unimodal decoders
  /// Share of the norm with which each modality enters a fusion block: |w_m| / sum over modalities, w_m what the model
  /// calls weighed (Model::fusion_blocks), over the real positions. Empty where the model has no such blocks.
  std::vector<PerModality<double>> block_shares;
  PerModality<double> share{kUndefined, kUndefined, kUndefined};    ///< mean over the blocks; NaN: none
  PerModality<double> without{kUndefined, kUndefined, kUndefined};  ///< score when it is missing (data/removal.h)
  PerModality<float> ratio{kUnknown, kUnknown, kUnknown};           ///< the weights that the model predicts; NaN: none
  PerModality<float> parts{kUnknown, kUnknown, kUnknown};           ///< what of the score is each one's; NaN: none
  float correction = kUnknown;  ///< the score without the parts: what the modalities make of it together; NaN: none
  PerModality<std::optional<AttentionMap>> attention;
  /// The leading modality: whose own score is nearest to the score; with the largest share; whose removal changes the
  /// score most; with the largest ratio. Nothing where the model gives no such evidence, the clip has nothing, or no
  /// removal changes the score.
  [[nodiscard]] std::optional<Modality> leading(Evidence evidence) const;
  /// Change of the score by removal, with sign; NaN where the modality is not in use.
  [[nodiscard]] double change(Modality modality) const;
};

/// One explanation per row. `with_attention`: also the maps (they need memory: one [L, L] per clip and modality).
/// Throws as predict_rows does.
[[nodiscard]] std::vector<Explanation> explain_rows(Model& model, const Collate& collate,
                                                    const std::vector<std::int64_t>& rows,
                                                    const PredictOptions& options = {}, bool with_attention = false);

/// The same for a batch that is ready, on any device.
[[nodiscard]] std::vector<Explanation> explain_batch(Model& model, const Batch& batch,
                                                     const PredictOptions& options = {}, bool with_attention = false);

/// Does removing the modality that an explanation names change the score more than removing another?
struct Faithfulness {
  std::size_t n = 0;             ///< clips with such evidence and at least two modalities
  double named = 0, others = 0;  ///< mean absolute change of the score when the named one is removed, another one
  double more = 0;               ///< share of (clip, other modality) pairs where the named one changes more; chance 0.5
  /// Share of the clips whose truly dominant modality is named, among those where it is known; NaN without any.
  double names_truth = kUndefined;
  /// What names_truth would be expected to be if the names were dealt out to these clips at random: the sum over the
  /// modalities of the share of clips it is named in times the share it is dominant in. Always naming the most frequent
  /// one is chance, too.
  double names_truth_by_chance = kUndefined;
  std::size_t n_truth = 0;
};

struct ExplanationSummary {
  std::size_t n = 0;
  std::array<PerModality<std::size_t>, kEvidence.size()> leading{};  ///< clips by [evidence][modality]
  std::array<Faithfulness, kEvidence.size()> faithfulness;  ///< by evidence. For removal `more` is 1 by definition
};

/// Modalities in use without which no score changes: the model, as it is trained, does not read them.
[[nodiscard]] std::vector<Modality> unread(const std::vector<Explanation>& explanations);

/// `dominant`, where given, is the truly dominant modality of each explanation's clip (synthetic data).
[[nodiscard]] ExplanationSummary summarise(const std::vector<Explanation>& explanations,
                                           const std::vector<std::optional<Modality>>& dominant = {});

/// Aligned columns; ends with "\n".
[[nodiscard]] std::string explanation_table(const std::vector<Explanation>& explanations);
[[nodiscard]] std::string summary_table(const ExplanationSummary& summary);
/// {"clips": [{"id", "score", "unimodal", "share", ...}], "summary": {...}}
[[nodiscard]] std::string explanations_json(const std::vector<Explanation>& explanations,
                                            const ExplanationSummary& summary);
/// explain.json of a run folder, which `kuda report` reads: {"split", "data_fingerprint", "clips": their number,
/// "summary": as above}.
[[nodiscard]] std::string summary_json(const ExplanationSummary& summary, Split split,
                                       const std::string& data_fingerprint);

}  // namespace kuda
