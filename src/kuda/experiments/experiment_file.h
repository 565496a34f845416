#pragma once
// A named grid of runs: models x data sets x seeds x variants, as a list of independent commands.
//
//   const Experiment experiment = Experiment::load("experiments/table5.toml");
//   for (const auto& item : work_list(experiment, {.out = "runs/table5", .data = {{"sims", "sims.pkl"}}})) ...

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kuda {

struct ExperimentData {
  std::string name;                 ///< the folder's name and the one that --data and --encoder use
  std::string config;               ///< preset; {model} stands for the model's name; relative to the experiment's file
  std::string path;                 ///< may be empty: then it must be given with --data, or be made
  std::string encoder;              ///< may be empty
  std::vector<std::string> synth;   ///< options of `kuda data synth`, which makes the data set; not beside `path`
  std::int64_t encoder_layers = 0;  ///< above 0: the encoder is cut to these and to the data's words (data encoder)
};

/// Changes on top of the preset. The first is usually the plain system, with an empty name. A name may come again for
/// other models.
struct ExperimentVariant {
  std::string name, profile, modalities;
  std::vector<std::string> sets;    ///< KEY=VALUE
  std::vector<std::string> models;  ///< that have this variant; empty: all of the experiment
  bool shares_stage1 = true;        ///< false: what it changes changes stage 1 too
};

struct Experiment {
  std::string title;
  std::vector<std::int64_t> seeds;
  std::vector<std::string> models, sets;  ///< sets: for every run
  std::vector<ExperimentData> data;
  std::vector<ExperimentVariant> variants;
  bool explain = false;  ///< every run says which modality decided its test clips (`kuda train --explain`)
  /// Throws ConfigError naming file and key: unknown or missing keys, wrong types, unknown models, names twice.
  static Experiment load(const std::filesystem::path& path);
};

/// What a user adds on the command line.
struct ExperimentChoice {
  std::filesystem::path out;
  std::map<std::string, std::string> data, encoders;  ///< by data set name; encoders[""] is for all
  std::vector<std::string> models, only_data, sets;   ///< models, only_data: a part of the grid; empty: all
  std::vector<std::int64_t> seeds;                    ///< instead of the experiment's
};

/// All items of a stage are finished before one of the next begins.
enum class WorkStage { data, encoder, stage1, run };

struct WorkItem {
  std::string name;                    ///< "sims/kuda+no_ratio/1111": also its folder under `out`
  std::vector<std::string> arguments;  ///< of the program: "train", "-m", ...
  std::string group;                   ///< items of one group stay together when the list is split; empty: in each part
  WorkStage stage = WorkStage::run;
};

/// By stages. Data sets are made in OUT/DATA/data and encoders cut into OUT/DATA/encoder where the experiment says so;
/// both give the same bytes again. Stage 1 is an item of its own where two variants of a model share it.
/// Throws UsageError for an unknown data set or model, and for a data set without a path.
[[nodiscard]] std::vector<WorkItem> work_list(const Experiment& experiment, const ExperimentChoice& choice);

/// Every n-th group, beginning with the i-th (1-based): "2/5". Throws UsageError for other text.
[[nodiscard]] std::vector<WorkItem> shard_of(const std::vector<WorkItem>& items, const std::string& shard);

}  // namespace kuda
