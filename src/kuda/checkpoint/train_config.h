#pragma once
// Options of optimisation. The same struct serves the main task ([train]) and the tasks before it ([pretrain]).

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/config/fields.h"
#include "kuda/data/modality.h"
#include "kuda/tensor/precision.h"

namespace kuda {

enum class OptimizerKind { adamw, adam, adamw_transformers, sgd };
constexpr auto value_names(OptimizerKind) { return std::array{"adamw", "adam", "adamw_transformers", "sgd"}; }

enum class Schedule {
  released,
  shifted,
  constant,
  step,
  multi_step,
  plateau,
  linear,
  reload
};  // checkpoint/schedule.h
constexpr auto value_names(Schedule) {
  return std::array{"released", "shifted", "constant", "step", "multi_step", "plateau", "linear", "reload"};
}

/// The epoch that becomes the model.
enum class Selection { valid, last, test };
constexpr auto value_names(Selection) { return std::array{"valid", "last", "test"}; }

/// The value by which epochs are compared; lower is better.
enum class SelectBy { mae, loss, task_loss };
constexpr auto value_names(SelectBy) { return std::array{"mae", "loss", "task_loss"}; }

/// What a batch counts among those of a step.
enum class Accumulation { mean, sum };
constexpr auto value_names(Accumulation) { return std::array{"mean", "sum"}; }

/// What becomes of batches that do not fill a step.
enum class Leftover { step, drop };
constexpr auto value_names(Leftover) { return std::array{"step", "drop"}; }

/// The labels of the tasks before the main one.
enum class PretrainLabels { unimodal, multimodal };
constexpr auto value_names(PretrainLabels) { return std::array{"unimodal", "multimodal"}; }

struct TrainConfig {
  std::int64_t epochs = 50, batch_size = 32;
  double lr = 3e-5, weight_decay = 1e-5;
  std::vector<double> betas{0.9, 0.999};  ///< two
  double eps = 1e-8;
  OptimizerKind optimizer = OptimizerKind::adamw;
  Schedule schedule = Schedule::released;
  double warmup = 0.1;                  ///< share of the epochs (linear: of the steps)
  std::int64_t patience = 10;           ///< plateau, reload: epochs without a better value that are borne
  std::int64_t decay_every = 10;        ///< step: epochs
  double decay = 0.1;                   ///< step, plateau, reload: factor
  std::int64_t trials = 3;              ///< reload: training ends instead of going back this often
  Selection select = Selection::valid;  ///< test: a diagnostic
  SelectBy select_by = SelectBy::mae;
  std::int64_t early_stop = 0;  ///< epochs without a better selection value; 0 = never
  /// multi_step: numbers of epochs after which the rate falls by `decay`.
  std::vector<std::int64_t> decay_at;
  double clip_norm = 0, clip_value = 0;
  bool clip_each_batch = false;  ///< clip_value after every batch of a step, on the sum so far
  std::int64_t accumulate = 1;   ///< batches per optimiser step
  Accumulation accumulate_as = Accumulation::mean;
  Leftover leftover = Leftover::step;
  std::int64_t eval_batch_size = 0;       ///< 0 = batch_size
  Precision precision = Precision::fp32;  ///< not int8
  std::int64_t save_every = 1;            ///< epochs
  double save_seconds = 600;              ///< within an epoch; 0 = only at its end

  void describe(Fields& fields);
  /// What a single field cannot check. Throws ConfigError; `section` stands in front of the keys.
  void check(const std::string& section) const;
  /// True when the schedule looks at what the epochs before reached.
  [[nodiscard]] bool follows_values() const { return schedule == Schedule::plateau || schedule == Schedule::reload; }
  [[nodiscard]] std::int64_t scoring_batch_size() const { return eval_batch_size > 0 ? eval_batch_size : batch_size; }

 protected:
  void describe_all_but_epochs(Fields& fields);
};

/// [pretrain]: as [train] with other defaults (stage 1 of KuDA), and the number of epochs per modality.
struct PretrainConfig : TrainConfig {
  std::int64_t epochs_text = 100, epochs_vision = 100, epochs_audio = 50;
  PretrainLabels labels = PretrainLabels::unimodal;
  std::int64_t folds = 1;   ///< more than one: Clip::held_out of the training clips (runs/held_out.h)
  bool any_recipe = false;  ///< data of stage 1 may be made from video by another recipe than those of the main task
  PretrainConfig();
  void describe(Fields& fields);
  /// The options of the task of one modality: `epochs` where it is not 0, else its own number.
  [[nodiscard]] TrainConfig for_task(Modality modality) const;
};

}  // namespace kuda
