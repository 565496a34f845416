#pragma once
// Options of optimisation. The same struct serves the main task ([train]) and the tasks before it ([pretrain]).

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/config/fields.h"

namespace kuda {

struct TrainConfig {
  std::int64_t epochs = 50, batch_size = 32;
  double lr = 3e-5, weight_decay = 1e-5;
  std::vector<double> betas{0.9, 0.999};  ///< two
  double eps = 1e-8;
  std::string optimizer = "adamw";    ///< or "adam", "sgd": weight decay added to the gradient; "adamw_transformers"
  std::string schedule = "released";  ///< checkpoint/schedule.h
  double warmup = 0.1;                ///< share of the epochs (linear: of the steps)
  std::int64_t patience = 10;         ///< plateau, reload: epochs without a better value that are borne
  std::int64_t decay_every = 10;      ///< step: epochs
  double decay = 0.1;                 ///< step, plateau, reload: factor
  std::int64_t trials = 3;            ///< reload: training ends instead of going back this often
  std::string select = "valid";       ///< "valid", "last" or "test" (a diagnostic)
  std::string select_by = "mae";      ///< the selection value, lower is better: "mae", "loss" or "task_loss"
  std::int64_t early_stop = 0;        ///< epochs without a better selection value; 0 = never
  /// multi_step: numbers of epochs after which the rate falls by `decay`.
  std::vector<std::int64_t> decay_at;
  double clip_norm = 0, clip_value = 0;
  bool clip_each_batch = false;        ///< clip_value after every batch of a step, on the sum so far
  std::int64_t accumulate = 1;         ///< batches per optimiser step
  std::string accumulate_as = "mean";  ///< or "sum": every batch counts in full
  std::string leftover = "step";       ///< or "drop": an incomplete last step of an epoch is not made
  std::int64_t eval_batch_size = 0;    ///< 0 = batch_size
  std::string precision = "fp32";      ///< tensor/precision.h; not "int8"
  std::int64_t save_every = 1;         ///< epochs
  double save_seconds = 600;           ///< within an epoch; 0 = only at its end

  void describe(Fields& fields);
  /// What a single field cannot check. Throws ConfigError; `section` stands in front of the keys.
  void check(const std::string& section) const;
  /// True when the schedule looks at what the epochs before reached.
  [[nodiscard]] bool follows_values() const { return schedule == "plateau" || schedule == "reload"; }
  [[nodiscard]] std::int64_t scoring_batch_size() const { return eval_batch_size > 0 ? eval_batch_size : batch_size; }

 protected:
  void describe_all_but_epochs(Fields& fields);
};

/// [pretrain]: as [train] with other defaults (stage 1 of KuDA), and the number of epochs per modality.
struct PretrainConfig : TrainConfig {
  std::int64_t epochs_text = 100, epochs_vision = 100, epochs_audio = 50;
  std::string labels = "unimodal";  ///< or "multimodal"
  PretrainConfig();
  void describe(Fields& fields);
  /// The options of one task by its name ("text", "vision", "audio"): `epochs` where it is not 0, else its own number.
  [[nodiscard]] TrainConfig for_task(const std::string& name) const;
};

}  // namespace kuda
