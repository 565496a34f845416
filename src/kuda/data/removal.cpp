#include "kuda/data/removal.h"

namespace kuda {

using torch::Tensor;

namespace {

/// [B, L] bool: all but the first `kept` positions.
Tensor padding_after(const Tensor& padding, std::int64_t kept) {
  auto result = torch::ones_like(padding);
  result.slice(1, 0, kept).fill_(false);
  return result;
}

Sequence missing(const Sequence& sequence) {
  if (!sequence.values.defined()) return sequence;
  Sequence result;
  result.values = torch::zeros_like(sequence.values);
  result.padding = padding_after(sequence.padding, 1);
  result.lengths = torch::ones_like(sequence.lengths);
  if (sequence.missing.defined()) result.missing = torch::ones_like(sequence.missing);
  return result;
}

void remove_words(Batch& batch) {
  if (!batch.text_ids.defined() || batch.text_ids.size(1) < 2) return;
  const auto last = batch.text_padding.logical_not().sum(1, /*keepdim=*/true).clamp_min(1) - 1;  // [B, 1]
  auto ids = batch.text_ids.clone();
  ids.select(1, 1).copy_(batch.text_ids.gather(1, last).squeeze(1));
  batch.text_padding = padding_after(batch.text_padding, 2);
  ids.masked_fill_(batch.text_padding, 0);
  batch.text_ids = ids;
  if (batch.text_segments.defined()) batch.text_segments = torch::zeros_like(batch.text_segments);
}

}  // namespace

Batch without(const Batch& batch, Modality modality) {
  Batch result = batch;
  result[modality] = missing(batch[modality]);
  if (modality == Modality::text) remove_words(result);
  return result;
}

Tensor missing_clips(const Batch& batch, Modality modality) {
  constexpr std::int64_t kPiecesOfAnEmptyText = 2;  // [CLS] and [SEP]
  if (modality == Modality::text && batch.text_ids.defined())
    return batch.text_padding.logical_not().sum(1) <= kPiecesOfAnEmptyText;
  const auto& sequence = batch[modality];
  return sequence.missing.defined() ? sequence.missing : torch::zeros_like(sequence.padding.select(1, 0));
}

}  // namespace kuda
