#pragma once
// What is timed: the steps of a user's day, each through the code that the program itself runs.
//
//   Workload workload({.like = "sims", .encoder = "encoders/minilm", .clips = 96});
//   for (auto& one : workload.cases(std::regex("step"))) std::cout << one.name << one.run().seconds;

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "kuda/runs/procedure.h"

namespace kuda {

struct WorkloadOptions {
  std::string like = "sims";              ///< lengths and widths of the clips: as `kuda data synth --like`
  std::string encoder;                    ///< folder in Hugging Face layout, or kBertBase
  std::string config;                     ///< file of the run; data, encoder and batch size are replaced by those here
  ConfigChanges changes{};                ///< profile and --set
  Precision precision = Precision::fp32;  ///< of steps and scores; int8: of scores alone
  std::int64_t clips = 96;                ///< for training; raised to two steps. The other splits keep their share
  std::int64_t batch = 32;                ///< clips of a training step
  std::int64_t frames = 0;                ///< most vision and audio frames of a clip; 0: as published
};
inline constexpr const char* kBertBase = "bert-base";  ///< a BERT of that size with random weights

/// Of one run of a case.
struct Sample {
  double seconds = 0;
  double gflop = 0;  ///< while a Counting lives
};

struct Case {
  std::string name;                      ///< "stage1/audio/step"
  std::int64_t clips = 0;                ///< that one run reads
  std::function<Sample()> run;           ///< may be called again and again
  std::shared_ptr<const Model> model{};  ///< that stays in memory; none: one that the run itself makes, if any
};

/// Makes the data, and where asked for the encoder, in a folder of its own below the system's one for temporary files,
/// which goes when the workload goes.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  ~Workload();

  /// Those whose name the expression is found in, with their models, which live as long as the workload. Throws
  /// UsageError, naming all, when there are none, and ConfigError where this machine lacks the precision or cannot
  /// train in it:
  ///   load/data        the data set opened, the vocabulary read, what the cleaning changes counted
  ///   load/first_batch the same, and the first training batch
  ///   load/model       the model of the main task made, its text encoder read from its folder
  ///   stage1/TASK/step, stage2/step    one optimiser step with everything that belongs to it, batch included
  ///   stage1/TASK/epoch, stage2/epoch  an epoch and its validation, without saving
  ///   score/1, score/32                clips of the test split in one batch, weights prepared as `kuda predict` does
  ///   encode/1, encode/32              the text encoder of it alone, where the model has one; the batch is there
  ///   already
  [[nodiscard]] std::vector<Case> cases(const std::regex& wanted);
  [[nodiscard]] RunConfig& config() noexcept { return config_; }
  [[nodiscard]] const Dataset& dataset() const noexcept { return session_->dataset(); }

 private:
  struct Job;      ///< a model with its task and batches
  struct Scratch;  ///< a folder that goes with the object
  void make_data();
  void make_bert_base(const std::filesystem::path& folder) const;
  Job& add_job(std::shared_ptr<Model> model, std::optional<Modality> target, const TrainConfig& options);
  void add_loading(std::vector<Case>& cases);
  void add_training(std::vector<Case>& cases, const std::string& name, Job& job);
  void add_scoring(std::vector<Case>& cases, std::int64_t size, const Job& job);
  void add_encoding(std::vector<Case>& cases, std::int64_t size, const Job& job);

  WorkloadOptions options_;
  std::unique_ptr<const Scratch> scratch_;
  RunConfig config_;
  std::unique_ptr<Session> session_;
  std::vector<std::unique_ptr<Job>> jobs_;
};

}  // namespace kuda
