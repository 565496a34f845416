#pragma once
// Scores of clips: eval mode, no gradients, any batch size.
//
//   const auto scored = predict_rows(*model, collate, dataset.rows(Split::test), {.batch_size = 64});

#include <torch/torch.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/data/batch.h"
#include "kuda/data/dataset.h"
#include "kuda/models/model.h"
#include "kuda/tensor/process_group.h"

namespace kuda {

/// Rows of a data set to a padded batch, with the label that the task is about.
using Collate = std::function<Batch(const std::vector<std::int64_t>& rows)>;

struct Prediction {
  std::string id;
  Split split = Split::test;                                         ///< predict_rows leaves the default
  float label = kUnknown;                                            ///< NaN = unknown
  float score = 0;                                                   ///< in the data set's score range
  PerModality<float> unimodal{kUnknown, kUnknown, kUnknown};         ///< NaN where the model has none
  PerModality<float> unimodal_labels{kUnknown, kUnknown, kUnknown};  ///< NaN = unknown
  PerModality<float> ratio{kUnknown, kUnknown, kUnknown};  ///< as in Output; 0 for what the clip lacks, NaN: none
  PerModality<float> parts{kUnknown, kUnknown, kUnknown};  ///< as in Output; NaN for what the clip lacks, or none
  float correction = kUnknown;  ///< the score without these parts; NaN where the model has no parts
};

struct PredictOptions {
  std::int64_t batch_size = 32;
  torch::Device device{torch::kCPU};
  std::string task{};                                             ///< name for the progress
  Progress* progress = nullptr;                                   ///< silent without
  const std::atomic<bool>* stop = nullptr;                        ///< throws Interrupted between batches when it is set
  std::function<void(const Output&, const Batch&)> each_batch{};  ///< what else to do with an output
  Trace* trace = nullptr;                                         ///< filled anew by each batch, before each_batch
  /// Processes that share the batches in turns; each_batch sees those of its process.
  const ProcessGroup& group = ProcessGroup::alone();
};

/// One prediction per row, in the order of `rows`, in every process of the group. The model's mode is as before
/// afterwards. Throws Error naming the clips when a score is not finite.
[[nodiscard]] std::vector<Prediction> predict_rows(Model& model, const Collate& collate,
                                                   const std::vector<std::int64_t>& rows,
                                                   const PredictOptions& options = {});

/// The same for a batch that is ready, on any device.
[[nodiscard]] std::vector<Prediction> predict_batch(Model& model, const Batch& batch,
                                                    const PredictOptions& options = {});

/// "a, b, c and 29 more"
[[nodiscard]] std::string list_ids(const std::vector<std::string>& ids, std::size_t most = 8);

/// Rows in consecutive parts of `size`; the last may be smaller.
[[nodiscard]] std::vector<std::vector<std::int64_t>> in_batches(const std::vector<std::int64_t>& rows,
                                                                std::int64_t size);

/// Puts a module into eval mode and back into the mode it had, by scope.
class EvalMode {
 public:
  explicit EvalMode(torch::nn::Module& module) : module_(module), was_training_(module.is_training()) {
    module_.eval();
  }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;
  ~EvalMode() { module_.train(was_training_); }

 private:
  torch::nn::Module& module_;
  bool was_training_;
};

}  // namespace kuda
