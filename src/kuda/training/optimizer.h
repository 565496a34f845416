#pragma once
// AdamW over a model's parameter groups, with a state that is saved and loaded by parameter name.
//
//   Optimizer optimizer(*model, config);
//   optimizer.set_rate(learning_rate(...));
//   losses.total.backward();
//   optimizer.step();                       // checks, clips, steps, clears

#include <torch/torch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kuda/io/array.h"
#include "kuda/models/model.h"
#include "kuda/training/train_config.h"

namespace kuda {

class Optimizer {
 public:
  Optimizer(Model& model, const TrainConfig& config);
  void set_rate(double lr);  ///< each group gets lr * its lr_scale
  /// Name of the first parameter whose gradient holds NaN or an infinity; empty when all are finite.
  [[nodiscard]] std::string first_non_finite() const;
  /// Clips as configured (values first, then the norm), steps, and clears the gradients.
  void step();
  void clear_gradients() { adamw_->zero_grad(); }
  /// Moments and step counts under "optimizer/NAME/first", ".../second" (views, no copy) and ".../steps".
  [[nodiscard]] std::map<std::string, io::Array> state() const;
  /// The reverse of state(); other names are ignored. Throws CheckpointError when a moment has another shape.
  void load(const std::map<std::string, io::Array>& arrays);

 private:
  double clip_norm_, clip_value_;
  std::vector<std::string> names_;         ///< of the parameters, parallel to parameters_
  std::vector<torch::Tensor> parameters_;  ///< those in any group, in the model's order
  std::vector<double> scales_;             ///< by group
  std::unique_ptr<torch::optim::AdamW> adamw_;
};

}  // namespace kuda
