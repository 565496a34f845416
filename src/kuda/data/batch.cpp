#include "kuda/data/batch.h"

namespace kuda {
namespace {

torch::Tensor moved(const torch::Tensor& tensor, torch::Device device) {
  return tensor.defined() ? tensor.to(device) : tensor;
}

Sequence moved(const Sequence& sequence, torch::Device device) {
  return {moved(sequence.values, device), moved(sequence.padding, device), moved(sequence.lengths, device),
          moved(sequence.missing, device)};
}

}  // namespace

Batch Batch::to(torch::Device device) const {
  Batch batch = *this;
  for (auto* tensor :
       {&batch.text_ids, &batch.text_segments, &batch.text_padding, &batch.label, &batch.multimodal_label})
    *tensor = moved(*tensor, device);
  for (const auto modality : kModalities) {
    batch[modality] = moved(batch[modality], device);
    batch.unimodal_labels[modality] = moved(batch.unimodal_labels[modality], device);
    batch.held_out[modality] = moved(batch.held_out[modality], device);
  }
  return batch;
}

}  // namespace kuda
