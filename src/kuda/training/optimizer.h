#pragma once
// AdamW, Adam or SGD with momentum over a model's parameter groups, with a state that is saved and loaded by parameter
// name.
//
//   Optimizer optimizer(*model, config);
//   optimizer.set_rate(learning_rate(...));
//   losses.total.backward();
//   optimizer.step();                       // checks, clips, steps, clears

#include <torch/torch.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "kuda/checkpoint/train_config.h"
#include "kuda/io/array.h"
#include "kuda/models/model.h"

namespace kuda {

class Optimizer {
 public:
  /// Over the groups of one phase of the epoch.
  Optimizer(Model& model, const TrainConfig& config, std::int64_t phase = 0);
  /// Where the schedule stands: each scheduled group gets its own highest rate times lr / config.lr.
  void set_rate(double lr);
  /// Name of the first parameter whose gradient holds NaN or an infinity; empty when all are finite.
  [[nodiscard]] std::string first_non_finite() const;
  /// Clips the gradients of all parameters of the model by value, those of other phases too.
  void clip_values();
  /// Clips as configured (values first, then the norm over all parameters), steps, and clears all gradients. Parameters
  /// without a gradient stay as they are, their moments and step counts too.
  void step();
  void clear_gradients() { model_.zero_grad(); }
  /// Moments and step counts under "optimizer/NAME/first", ".../second" (views, no copy) and ".../steps".
  [[nodiscard]] std::map<std::string, io::Array> state() const;
  /// The reverse of state(): a parameter that has nothing there begins anew, other names are ignored. Throws
  /// CheckpointError when a moment has another shape.
  void load(const std::map<std::string, io::Array>& arrays);

 private:
  /// Parameters that are stepped alike.
  struct Group {
    std::vector<torch::Tensor> parameters;
    double highest_rate, weight_decay;
    bool is_scheduled;
    double rate = highest_rate;  ///< of the next step
  };
  struct Moments {
    torch::Tensor first, second;  ///< undefined before the first step; SGD has no second
    std::int64_t steps = 0;
  };
  void step(const Group& group);
  Model& model_;
  double clip_norm_, clip_value_, lr_, beta1_, beta2_, eps_;
  bool is_sgd_;         ///< one moment, the momentum
  bool is_decoupled_;   ///< AdamW, else Adam
  bool has_raw_eps_;    ///< adamw_transformers: eps belongs to the root of the uncorrected second moment
  std::string prefix_;  ///< of the names in a saved state
  std::vector<Group> groups_;
  std::vector<std::string> names_;                    ///< of the parameters, parallel to parameters_
  std::vector<torch::Tensor> parameters_;             ///< those in any group, in the model's order
  std::unordered_map<const void*, Moments> moments_;  ///< by parameter
};

}  // namespace kuda
