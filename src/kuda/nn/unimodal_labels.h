#pragma once
// Self-MM's unimodal label generation: per training clip a label for each of four heads, of which three are made from
// the distances of its features to a positive and a negative centre. Used by Self-MM and TETFN.
//
//   UnimodalLabels bank(options);
//   bank->begin_training(rows, labels);               // all heads start from the multimodal label
//   const auto wanted = bank->labels(batch.rows);      // [4, B]
//   bank->update(features, batch.rows, epoch);         // after the gradients of a batch
//
// Source: Yu et al. 2021, section 3.3; thuiar/MMSA a94e65d (MIT), trains/multiTask/SELF_MM.py.

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace kuda {

/// Heads in the order of every array here.
inline constexpr std::array<const char*, 4> kLabelHeads{"fusion", "text", "audio", "vision"};

/// One tensor per head.
using PerHead = std::array<torch::Tensor, 4>;

struct UnimodalLabelOptions {
  std::array<std::int64_t, 4> widths{};  ///< of the features
  double limit = 3;                      ///< generated labels stay within [-limit, limit]
  bool exclude_zero = true;              ///< clips of label 0 belong to no centre; false: to the positive one
  bool keep_empty_centres = true;        ///< a side without a clip keeps its centre; false: it becomes NaN
};

/// N clips. Buffers, registered by begin_training: labels [4, N], features_HEAD [N, width], centres_HEAD [2, width]
/// (positive, negative).
class UnimodalLabelsImpl : public torch::nn::Module {
 public:
  explicit UnimodalLabelsImpl(const UnimodalLabelOptions& options) : options_(options) {}
  /// rows of the data set, labels [N] float32: clip i of the banks is rows[i]. Starts over when called again.
  void begin_training(const std::vector<std::int64_t>& rows, const torch::Tensor& labels);
  [[nodiscard]] bool has_begun() const { return labels_.defined(); }
  /// [4, B] for these rows of the data set. Throws DataError for a row that is not trained on.
  [[nodiscard]] torch::Tensor labels(const std::vector<std::int64_t>& rows) const;
  /// What a batch does to the banks in epoch `epoch` (1-based): labels of the three modalities (not in epoch 1), then
  /// features, then all centres. features [B, width] each.
  void update(const PerHead& features, const std::vector<std::int64_t>& rows, std::int64_t epoch);
  /// Means of the features of positive and of negative clips; each head goes by its own labels.
  void update_centres();

 private:
  [[nodiscard]] torch::Tensor positions(const std::vector<std::int64_t>& rows) const;
  void update_labels(const PerHead& features, const torch::Tensor& at, std::int64_t epoch);

  UnimodalLabelOptions options_;
  std::unordered_map<std::int64_t, std::int64_t> position_of_row_;
  torch::Tensor labels_;
  PerHead features_, centres_;
};
TORCH_MODULE(UnimodalLabels);

}  // namespace kuda
