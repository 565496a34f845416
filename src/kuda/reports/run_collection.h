#pragma once
// Finished run folders, found below some roots and brought side by side: data set, system, seed.
//
//   const auto found = find_runs({"runs/table3"});
//   for (const auto& data : group_runs(found.finished, Split::test)) std::cout << data.systems.size();

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/metrics/clip_tests.h"
#include "kuda/runs/report.h"

namespace kuda {

struct FinishedRun {
  std::filesystem::path folder;
  std::string data, system;  ///< names for people, see names_of
  Report report;             ///< metrics.json
};

struct FoundRuns {
  std::vector<FinishedRun> finished;
  std::vector<std::filesystem::path> unfinished;  ///< begun, without metrics
};

/// Every run folder of the main task at or below the roots, each once, by path. Throws DataError when a root is no
/// folder or when there is no finished run.
[[nodiscard]] FoundRuns find_runs(const std::vector<std::filesystem::path>& roots);

/// Names of data set and system. Where the folders are called DATA/MODEL[+VARIANT][/...]/SEED, they are DATA and what
/// lies between it and SEED; MODEL must be the model's name, or nothing is read from the path. Else the names are those
/// of the data set and of the model in metrics.json.
struct RunNames {
  std::string data, system;
};
[[nodiscard]] RunNames names_of(const std::filesystem::path& root, const std::filesystem::path& run,
                                const ReportFacts& facts);

/// The runs of one system on one data set, one per seed.
struct SystemRuns {
  std::string name;
  std::vector<FinishedRun> runs;                     ///< ascending seeds
  SeedScores scores;                                 ///< [seeds][clips]
  std::vector<std::vector<Prediction>> predictions;  ///< [seeds][clips], in the order of the clips
  std::vector<std::vector<Prediction>> valid;        ///< [seeds]: those of the validation split, by id
  [[nodiscard]] bool is_chosen_on_test() const { return runs.front().report.is_chosen_on_test(); }
};

struct DataSetRuns {
  std::string name;
  ReportFacts facts;  ///< of its first run: family, fingerprint, is_synthetic are those of all
  Split split = Split::test;
  std::vector<std::string> ids;  ///< labelled clips of the split, ascending
  std::vector<float> labels;     ///< as many
  std::vector<SystemRuns> systems;
  /// "MOSI", "clean: synthetic (synthetic data)": always says when the data are made.
  [[nodiscard]] std::string title() const;
};

/// By data set and system, in the order of their names. Throws DataError, naming both runs, when two runs of one data
/// set differ in the data's fingerprint, in their clips or labels; when a system has a seed twice, or seeds with
/// different options; and when a run's predictions.csv does not give the values of its metrics.json.
[[nodiscard]] std::vector<DataSetRuns> group_runs(std::vector<FinishedRun> runs, Split split,
                                                  Progress* progress = nullptr);

/// A step of a report, to whoever listens.
void tell(Progress* progress, const std::string& task, std::size_t step, std::size_t steps);

}  // namespace kuda
