#pragma once
// Synthetic data: clips whose dominant modality, and which modality is noise, are known. Always call it synthetic.
// The rule, its equations and its Bayes bound: docs/synthetic.md.
//
//   SynthOptions options;
//   options.seed = 7;                                      // same options, same bytes
//   const SynthSet set = synthesize(options);              // set.dataset, set.truth
//   write_prepared("folder", set.dataset);                 // data/sources/prepared.h
//   write_truth_csv("folder", set.dataset, set.truth);     // folder/truth.csv, beside a prepared data set
//   oracle_scores(set.dataset, set.truth, Split::test);    // what the optimal predictor gets on these very clips

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kuda/config/fields.h"
#include "kuda/data/dataset.h"

namespace kuda {

/// Which modality carries the truth: a third of the clips each, or one of them in most.
enum class TruthCarrier { balanced, text, vision, audio };
constexpr auto value_names(TruthCarrier) { return std::array{"balanced", "text", "vision", "audio"}; }

/// Sizes that are 0 and an empty family are taken from `like`, or from the small default set when `like` is empty.
struct SynthOptions {
  std::string like;          ///< "", "sims", "simsv2", "mosi" or "mosei": sizes, lengths, widths, score range
  std::int64_t seed = 1111;  ///< of the clips; the rule itself (patterns, words) is the same for every seed
  std::int64_t train = 0, valid = 0, test = 0;                        ///< clips
  std::int64_t text_length = 0, vision_length = 0, audio_length = 0;  ///< word pieces with specials, frames, frames
  std::int64_t vision_width = 0, audio_width = 0;
  std::string family;  ///< "sims": score in [-1, 1]; "mosi": score in [-3, 3]; both in steps of 0.2
  TruthCarrier dominance = TruthCarrier::balanced;
  double noise = 0.4;         ///< share of clips in which one modality is unrelated to the score
  double conflict = 0.2;      ///< share of clips in which a supporting modality has the opposite sign
  double label_noise = 0.12;  ///< deviation of the annotators, in halves of the score range

  void describe(Fields& fields);
  /// All sizes filled in. Throws ConfigError for unknown names and for values out of range.
  [[nodiscard]] SynthOptions resolved() const;
  /// P(modality is dominant).
  [[nodiscard]] PerModality<double> dominance_shares() const;
};

/// What made one clip. Scores are in the units of the data set.
struct SynthTruth {
  Modality dominant = Modality::text;
  std::optional<Modality> noise;     ///< the modality that is unrelated to the score
  std::optional<Modality> conflict;  ///< the supporting modality whose sign is opposite to that of the dominant one
  float expected = 0;                ///< mu, the centre of the label's distribution
  float bayes_prediction = 0;        ///< the optimal predictor (absolute error) that knows the hidden state
  float bayes_error = 0;             ///< its expected absolute error on this clip
  float decoder_prediction = 0;      ///< a fixed decoder that sees text and frames only and knows the rule
};

struct SynthSet {
  Dataset dataset;                ///< raw text, packed vision and audio, all unimodal labels; no text_bert
  std::vector<SynthTruth> truth;  ///< one per clip, in the order of dataset.clips
};

/// Memory: the packed arrays (once) plus the texts. Throws ConfigError, see SynthOptions::resolved.
[[nodiscard]] SynthSet synthesize(const SynthOptions& options);
/// synthesize(options).dataset
[[nodiscard]] Dataset make_synthetic(const SynthOptions& options);

/// Writes folder/truth.csv: video_id, clip_id, split and the fields of SynthTruth.
void write_truth_csv(const std::filesystem::path& folder, const Dataset& dataset, const std::vector<SynthTruth>& truth);
/// Reads folder/truth.csv in the order of dataset.clips. Throws DataError when a clip has no row.
[[nodiscard]] std::vector<SynthTruth> read_truth_csv(const std::filesystem::path& folder, const Dataset& dataset);
/// The truth that lies beside an opened synthetic data set; empty for other data and where truth.csv is absent.
[[nodiscard]] std::vector<SynthTruth> truth_beside(const Dataset& dataset);

/// Measured on the clips of a split, in score units. The Bayes-optimal predictor of the rule has an expected error
/// between `bound` and that of the decoder.
struct OracleScores {
  std::size_t n = 0;
  double bound = 0;        ///< mean of bayes_error: the least expected MAE on these clips, for any predictor
  double bayes_mae = 0;    ///< MAE of bayes_prediction
  double decoder_mae = 0;  ///< MAE of decoder_prediction
};
/// Throws DataError when sizes differ or the split is empty.
[[nodiscard]] OracleScores oracle_scores(const Dataset& dataset, const std::vector<SynthTruth>& truth, Split split);

/// Counted on the clips of a split: P(each modality is dominant), P(one is noise), P(a support is in conflict).
struct TruthShares {
  PerModality<double> dominant;
  double noise = 0, conflict = 0;
};
/// Throws as oracle_scores.
[[nodiscard]] TruthShares truth_shares(const Dataset& dataset, const std::vector<SynthTruth>& truth, Split split);

/// Expected MAE in score units, exact (enumeration of the rule), of the best predictor that is told ...
struct SynthBounds {
  double bayes = 0;            ///< ... all three sentiments and their roles: the lower bound for any model
  double blind = 0;            ///< ... all three sentiments, but not which one to trust
  PerModality<double> single;  ///< ... the sentiment and the role of one modality only
  double constant = 0;         ///< ... nothing
};
[[nodiscard]] SynthBounds synth_bounds(const SynthOptions& options);
/// synth_bounds(options).bayes
[[nodiscard]] double bayes_mae(const SynthOptions& options);

}  // namespace kuda
