#pragma once
// The dominance benchmark: does a system lean on the modality that carries the truth? Of runs on synthetic data, whose
// run.json holds what the rule allows and whose explain.json says which modality each explanation names.
//
//   if (const auto table = make_dominance_table(group_runs(find_runs({"runs/dominance"}).finished, Split::test)))
//     write_file("dominance.md", format_markdown(*table));
//
// What each number means: docs/reproduce.md.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kuda/metrics/statistics.h"
#include "kuda/reports/run_collection.h"

namespace kuda {

/// The explanations of explain.json, as it spells them: whose own score is nearest; the largest share of the fusion;
/// whose removal changes the score most; the largest ratio that the model predicts.
inline constexpr std::array<const char*, 4> kExplanations{"unimodal", "share", "removal", "ratio"};

/// Over seeds, as shares of the test clips; n = 0 where the system gives no such explanation.
struct NamingRate {
  Summary named;   ///< the dominant modality is named
  Summary chance;  ///< expected when the same names are dealt out to the clips at random
  Summary excess;  ///< named - chance, seed by seed
};

struct DominanceRow {
  std::string system;
  bool is_chosen_on_test = false;
  std::size_t num_seeds = 0;
  Summary mae;
  std::array<NamingRate, kExplanations.size()> naming;  ///< as kExplanations
};

/// One synthetic data set; the numbers are of the clips of the split (run.json, "data"/"synthetic").
struct DominanceData {
  std::string name;
  std::size_t num_clips = 0;
  double bound = kUndefined;       ///< no predictor has a lower expected MAE
  double decoder = kUndefined;     ///< MAE of a fixed decoder that sees the same input and knows the rule
  double noise = 0, conflict = 0;  ///< share of clips in which one modality is noise, in conflict
  PerModality<double> dominant;    ///< share of clips by the dominant modality
  std::vector<DominanceRow> rows;  ///< by system
};

struct DominanceTable {
  Split split = Split::test;
  std::vector<DominanceData> data;   ///< by rising noise, then by name
  std::vector<std::string> systems;  ///< of any data set, ascending
  /// MAE on the data set with the most noise minus that on the one with the least, seed by seed; as `systems`. n = 0
  /// where the two are not unique or share no seed.
  std::vector<Summary> growth;
  std::vector<std::string> revisions;  ///< of the program that made the runs
  std::string first_day, last_day;     ///< "2025-11-30", on which the first and the last run was finished; "" unknown
};

/// Of the data sets whose runs hold what the synthetic rule allows; nothing when there is none. An explain.json of
/// another split or of other data (its fingerprint) counts as none.
[[nodiscard]] std::optional<DominanceTable> make_dominance_table(const std::vector<DataSetRuns>& all);

/// A row per system, a column per data set: "0.2718 [0.2650, 0.2786]"; bound and decoder first. The first row is the
/// header.
[[nodiscard]] std::vector<std::vector<std::string>> mae_cells(const DominanceTable& table);
/// A row per data set and system: "41.2 (33.5) +7.7 [4.0, 11.4] *", in percent.
[[nodiscard]] std::vector<std::vector<std::string>> naming_cells(const DominanceTable& table);
/// What the two mean, and where the numbers come from.
[[nodiscard]] std::vector<std::string> dominance_legend(const DominanceTable& table);

[[nodiscard]] std::string format_text(const DominanceTable& table);      ///< for a terminal; ends with "\n"
[[nodiscard]] std::string format_markdown(const DominanceTable& table);  ///< a page to keep, with day and revision
/// One line per data set and system, with every interval.
[[nodiscard]] std::string format_csv(const DominanceTable& table);

}  // namespace kuda
