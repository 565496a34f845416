#include "kuda/models/lmf/lmf.h"

#include "kuda/base/error.h"

namespace kuda::lmf {

using torch::Tensor;

Lmf::Lmf(const LmfConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  const auto [has_text, has_vision, has_audio] = shape.present;  // in the order of Modality
  if (!has_text && !has_vision && !has_audio)
    throw ConfigError("lmf: none of the modalities is present, expected at least one");
  // For [r, h, O] Xavier counts r * O as fan out and h * O as fan in, as torch does.
  const auto factor = [&](const char* name, std::int64_t width) {
    const auto values = torch::empty({config.rank, width + 1, config.outputs});
    return register_parameter(name, torch::nn::init::xavier_normal_(values));
  };
  if (has_audio) audio_factor_ = factor("audio_factor", config.audio_hidden);
  if (has_vision) video_factor_ = factor("video_factor", config.vision_hidden);
  if (has_text) text_factor_ = factor("text_factor", config.text_hidden / 2);
  fusion_weights_ =
      register_parameter("fusion_weights", torch::nn::init::xavier_normal_(torch::empty({1, config.rank})));
  fusion_bias_ = register_parameter("fusion_bias", torch::zeros({1, config.outputs}));
  encoders_ = MeanEncoders(*this,
                           {.audio_hidden = config.audio_hidden,
                            .vision_hidden = config.vision_hidden,
                            .text_hidden = config.text_hidden,
                            .text_out = config.text_hidden / 2,
                            .dropout_audio = config.dropout_audio,
                            .dropout_vision = config.dropout_vision,
                            .dropout_text = config.dropout_text,
                            .reference_quirks = config.reference_quirks},
                           shape, text.bert, text.folder);
}

Output Lmf::forward(const Batch& batch, Trace* trace) {
  const auto inputs = encoders_.encode(batch);
  const InFloat32 exact;  // the last step before the score (tensor/linear.h)
  Tensor product;         // [r, B, O]
  const auto multiply = [&](const Tensor& x, const Tensor& factor) {
    if (!factor.defined()) return;
    const auto projected = as_float32(x).matmul(factor);  // [B, 1 + h] x [r, 1 + h, O]
    product = product.defined() ? product * projected : projected;
  };
  multiply(inputs.audio, audio_factor_);
  multiply(inputs.vision, video_factor_);
  multiply(inputs.text, text_factor_);
  const auto ranks = product.permute({1, 0, 2});                                    // [B, r, O]
  const auto prediction = fusion_weights_.matmul(ranks).squeeze(1) + fusion_bias_;  // [B, O]
  if (trace != nullptr) {
    for (const auto& [name, value] : inputs.intermediates) trace->keep(name, value);
    trace->keep("Feature_f", ranks);
    trace->keep("ranks", ranks.flatten(1));
    trace->keep("M", prediction);
  }
  Output output;
  if (config_.outputs == 1) output.score = prediction.squeeze(1);
  return output;
}

Losses Lmf::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).abs().mean();
  return {task, {{"task", task}}};
}

std::vector<ParameterGroup> Lmf::parameter_groups() {
  ParameterGroup factors, rest;
  factors.lr = config_.factor_lr;
  for (const auto& item : named_parameters()) {
    if (!item.value().requires_grad()) continue;
    if (item.key().ends_with("_factor"))
      factors.parameters.push_back(item.value());
    else if (config_.train_fusion_weights || !item.key().starts_with("fusion_"))
      rest.parameters.push_back(item.value());
  }
  return {std::move(factors), std::move(rest)};
}

bool Lmf::is_padding_invariant() const { return !config_.reference_quirks; }

ModelInfo info() {
  ModelInfo info;
  info.name = "lmf";
  info.title = "LMF";
  info.paper = "Liu et al., ACL 2018";
  info.kind = "ternary symmetric";
  info.year = 2018;
  info.text = TextInput::features;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.features = {{"text", "Feature_t"}, {"vision", "Feature_v"}, {"audio", "Feature_a"}, {"fused", "ranks"}};
  info.state = "running statistics of batch norm";
  info.exceptions = {{"EveryTrainableParameterIsInOneGroup",
                      "the weights of the ranks and the bias have gradients but are not trained, as published; "
                      "lmf_test.cpp says which"},
                     {"NonFiniteInputGivesANonFiniteTerm", kNanMeansZero}};
  info.set_makers<Lmf, LmfConfig>();
  return info;
}

}  // namespace kuda::lmf
