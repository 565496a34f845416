#pragma once
// MulT (Tsai et al., ACL 2019): multimodal transformer for unaligned sequences.
//
//   auto model = find_model("mult").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>
#include <memory>

#include "kuda/models/model.h"
#include "kuda/models/mult/config.h"
#include "kuda/nn/crossmodal_transformer.h"
#include "kuda/nn/text_features.h"
#include "kuda/tensor/linear.h"

namespace kuda::mult {

/// State names as published: proj_{l,a,v}, trans_{x}_with_{y}, trans_{x}_mem, proj1, proj2, out_layer and, with
/// use_bert, text_model.model.
class Mult final : public Model {
 public:
  /// Throws ConfigError when a modality is absent, heads do not divide the width, or data are shorter than a kernel.
  Mult(const MultConfig& config, const DataShape& shape, const TextEncoder& text);
  /// Throws ShapeError when the batch lacks a modality or holds other widths.
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;  ///< mean absolute error
  [[nodiscard]] bool is_padding_invariant() const override;

 private:
  /// One modality: l (text), a, v in the published names and in this order everywhere below.
  struct Stream {
    torch::nn::Conv1d projection{nullptr};
    std::int64_t input_width = 0, kernel = 1;
    std::array<std::size_t, 2> sources{};  ///< of the two crossmodal encoders
    std::array<CrossmodalTransformer, 2> cross{nullptr, nullptr};
    CrossmodalTransformer memory{nullptr};
  };
  Sequence text_of(const Batch& batch, Trace* trace);
  CrossmodalInput project(Stream& stream, const Sequence& sequence, const char* name);

  MultConfig config_;
  Bert bert_{nullptr};
  std::unique_ptr<TextFeatures> text_features_;
  std::array<Stream, 3> streams_;
  Linear proj1_{nullptr}, proj2_{nullptr}, out_layer_{nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::mult
