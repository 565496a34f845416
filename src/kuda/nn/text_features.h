#pragma once
// Text as a sequence of vectors, for models that take pre-computed features: the data set's own where it has some, else
// the last hidden states of a BERT that is never trained.
//
//   TextFeatures text(*this, shape, encoder);        // in the model's constructor
//   const Sequence words = text.of(batch);           // values [B, Lt, text.width()]

#include <torch/torch.h>

#include <cstdint>

#include "kuda/data/batch.h"
#include "kuda/data/shape.h"
#include "kuda/text/bert.h"

namespace kuda {

class TextFeatures {
 public:
  /// Where the data have no text features a frozen BERT joins `owner` under the name "text_encoder"; its weights come
  /// from `folder`, or stay random where that is empty (a checkpoint follows).
  TextFeatures(torch::nn::Module& owner, const DataShape& shape, BertConfig bert, const std::string& folder);
  [[nodiscard]] std::int64_t width() const noexcept { return width_; }
  /// values [B, Lt, width], padding [B, Lt], lengths [B]. The BERT runs without gradient and without dropout, also
  /// while the owner trains, and only on real positions: its values are zero at padded ones, as in feature files.
  /// `values` is undefined where the batch has no text.
  [[nodiscard]] Sequence of(const Batch& batch) const;

 private:
  std::int64_t width_ = 0;
  Bert bert_{nullptr};
};

}  // namespace kuda
