#pragma once
// Padded tensors of some clips, with named fields and padding masks (true = padded).
//
//   const Collator collate(dataset, tokenizer, options);
//   const Batch batch = collate({0, 5, 7});

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/modality.h"

namespace kuda {

struct Sequence {
  torch::Tensor values;   ///< [B, L, D] float32; undefined when the data set lacks the modality
  torch::Tensor padding;  ///< [B, L] bool
  torch::Tensor lengths;  ///< [B] int64: frames that are not padding. At least 1: padding is always at the end
  torch::Tensor missing;  ///< [B] bool: the clip has no frames of this modality; its one frame is zeros
};

struct Batch {
  std::vector<std::string> ids;
  std::vector<std::int64_t> rows;  ///< rows of the data set, for state kept per clip
  torch::Tensor text_ids;          ///< [B, Lt] int64
  torch::Tensor text_segments;     ///< [B, Lt] int64
  torch::Tensor text_padding;      ///< [B, Lt] bool
  Sequence text_features, vision, audio;
  torch::Tensor label;                                              ///< [B] float32: the one that the task learns
  torch::Tensor multimodal_label;                                   ///< [B] float32, NaN = unknown
  PerModality<torch::Tensor> unimodal_labels;                       ///< [B] float32, NaN = unknown
  PerModality<torch::Tensor> held_out;                              ///< [B] float32, as Clip::held_out
  [[nodiscard]] Sequence& operator[](Modality modality) noexcept {  ///< text -> text_features
    return of_modality(modality, text_features, vision, audio);
  }
  [[nodiscard]] const Sequence& operator[](Modality modality) const noexcept {
    return of_modality(modality, text_features, vision, audio);
  }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(ids.size()); }
  [[nodiscard]] Batch to(torch::Device device) const;
};

}  // namespace kuda
