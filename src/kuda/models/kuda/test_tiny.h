#pragma once
// A small KuDA and small random batches for tests; nothing here is part of the program.

#include "kuda/models/kuda/kuda.h"
#include "kuda/models/test_batch.h"

namespace kuda::test {

inline kuda_model::KudaConfig tiny_config() {
  kuda_model::KudaConfig config;
  config.adapter_layers = {1, 2};
  config.adapter_depth = 2;
  config.sequence_width = 16;
  config.sequence_heads = 4;
  config.adapter_heads = 2;
  config.width = 12;
  config.heads = 2;
  config.head_width = 6;
  config.feed_forward = 16;
  config.blocks = 2;
  config.output_widths = {8, 4};
  config.dropout_text = config.dropout_sequence = config.dropout_adapter = config.dropout_fusion = 0;
  return config;
}

/// As the profile "selecting".
inline kuda_model::KudaConfig tiny_selecting() {
  using Config = kuda_model::KudaConfig;
  auto config = tiny_config();
  config.mask_decoder_mean = config.mask_alignment = config.mask_fusion = true;
  config.ratio_from = Config::RatioFrom::predicted;
  config.ratio = Config::Ratio::exponential;
  config.k = 6;
  config.score = Config::Score::both;
  return config;
}

inline DataShape tiny_shape() {
  DataShape shape;
  shape.length.text = 6;
  shape.length.vision = 8;
  shape.width.vision = 5;
  shape.length.audio = 7;
  shape.width.audio = 3;
  return shape;
}

inline TextEncoder tiny_text() {
  TextEncoder text;
  text.bert.vocab_size = 40;
  text.bert.hidden_size = 16;
  text.bert.num_hidden_layers = 2;
  text.bert.num_attention_heads = 2;
  text.bert.intermediate_size = 24;
  text.bert.max_position_embeddings = 16;
  return text;
}

/// Three clips; what lies at padded positions is random, not zero.
inline Batch tiny_batch() {
  const auto shape = tiny_shape();
  Batch batch;
  batch.ids = {"a", "b", "c"};
  batch.rows = {0, 1, 2};
  batch.text_ids = torch::randint(1, 40, {3, shape.length.text});
  batch.text_segments = torch::zeros({3, shape.length.text}, torch::kInt64);
  batch.text_padding = torch::arange(shape.length.text).unsqueeze(0) >= torch::tensor({3, 5, 4}).unsqueeze(1);
  batch.vision = random_sequence(shape.length.vision, shape.width.vision, {2, 6, 4});
  batch.audio = random_sequence(shape.length.audio, shape.width.audio, {5, 1, 3});
  batch.label = torch::tensor({0.5F, -1.0F, 0.25F});
  return batch;
}

inline std::shared_ptr<kuda_model::Kuda> tiny_kuda(const kuda_model::KudaConfig& config,
                                                   const DataShape& shape = tiny_shape()) {
  torch::manual_seed(7);
  return std::make_shared<kuda_model::Kuda>(config, shape, tiny_text());
}

/// Fresh networks are nearly linear in places; random norms and biases make every path count.
inline void stir(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) parameter.add_(torch::randn_like(parameter) * 0.1);
}

}  // namespace kuda::test
