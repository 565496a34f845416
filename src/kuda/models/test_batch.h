#pragma once
// Small inputs for the tests of models.

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "kuda/data/batch.h"
#include "kuda/models/model.h"

namespace kuda::test {

/// [B, length] bool, true from each clip's length on.
inline torch::Tensor padding_from(std::int64_t length, const torch::Tensor& lengths) {
  return torch::arange(length).unsqueeze(0) >= lengths.unsqueeze(1);
}

/// Random frames, in the padding too: what is padded is told by the mask, not by its values.
inline Sequence random_sequence(std::int64_t length, std::int64_t width, const std::vector<std::int64_t>& lengths) {
  Sequence sequence;
  sequence.lengths = torch::tensor(lengths);
  sequence.padding = padding_from(length, sequence.lengths);
  sequence.values = torch::randn({std::int64_t(lengths.size()), length, width});
  return sequence;
}

/// The clips of a batch at these positions.
inline Batch rows_of(const Batch& batch, const std::vector<std::int64_t>& positions) {
  const auto at = torch::tensor(positions);
  const auto take = [&](const torch::Tensor& x) { return x.defined() ? x.index_select(0, at) : x; };
  const auto take_sequence = [&](const Sequence& x) {
    return Sequence{take(x.values), take(x.padding), take(x.lengths), take(x.missing)};
  };
  Batch part;
  for (const auto i : positions) {
    part.ids.push_back(batch.ids[std::size_t(i)]);
    part.rows.push_back(batch.rows[std::size_t(i)]);
  }
  part.text_ids = take(batch.text_ids);
  part.text_segments = take(batch.text_segments);
  part.text_padding = take(batch.text_padding);
  part.text_features = take_sequence(batch.text_features);
  part.vision = take_sequence(batch.vision);
  part.audio = take_sequence(batch.audio);
  part.label = take(batch.label);
  return part;
}

/// A BERT of two heads with random weights.
inline TextEncoder small_encoder(std::int64_t width, std::int64_t layers, std::int64_t pieces = 20,
                                 std::int64_t positions = 8) {
  TextEncoder text;
  text.bert.vocab_size = pieces;
  text.bert.hidden_size = text.bert.intermediate_size = width;
  text.bert.num_hidden_layers = layers;
  text.bert.num_attention_heads = 2;
  text.bert.max_position_embeddings = positions;
  return text;
}

}  // namespace kuda::test
