#include "kuda/models/tfn/tfn.h"

#include "kuda/base/error.h"
#include "kuda/tensor/dropout.h"

namespace kuda::tfn {

using torch::Tensor;
namespace nn = torch::nn;

Tfn::Tfn(const TfnConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  if (shape.present == PerModality<bool>{false, false, false})
    throw ConfigError("tfn: none of the modalities is present, expected at least one");
  output_range_ = register_parameter("output_range", torch::full({1}, config.output_range), false);
  output_shift_ = register_parameter("output_shift", torch::full({1}, config.output_shift), false);
  encoders_ = MeanEncoders(*this,
                           {.audio_hidden = config.audio_hidden,
                            .vision_hidden = config.vision_hidden,
                            .text_hidden = config.text_hidden,
                            .text_out = config.text_out,
                            .dropout_audio = config.dropout_audio,
                            .dropout_vision = config.dropout_vision,
                            .dropout_text = config.dropout_text,
                            .reference_quirks = config.reference_quirks},
                           shape, text.bert, text.folder);
  const auto size = encoders_.audio_width() * encoders_.vision_width() * encoders_.text_width();
  post_fusion_1_ = register_module("post_fusion_layer_1", Linear(size, config.post_fusion));
  post_fusion_2_ = register_module("post_fusion_layer_2", Linear(config.post_fusion, config.post_fusion));
  post_fusion_3_ = register_module("post_fusion_layer_3", Linear(config.post_fusion, config.outputs));
}

Output Tfn::forward(const Batch& batch, Trace* trace) {
  const auto inputs = encoders_.encode(batch);
  const auto rows = inputs.audio.size(0);
  // [1, audio] x [1, vision] x [1, text], flattened in this order: the head's weights depend on it.
  const auto two = inputs.audio.unsqueeze(2).bmm(inputs.vision.unsqueeze(1)).view({rows, -1, 1});  // [B, a * v, 1]
  const auto product = two.bmm(inputs.text.unsqueeze(1)).view({rows, -1});                         // [B, a * v * t]
  const auto post1 = post_fusion_1_(hash_dropout(product, config_.dropout_fusion, is_training()));
  const auto post2 = post_fusion_2_(torch::relu(post1));
  const auto last = post_fusion_3_(torch::relu(post2));  // [B, outputs]
  const auto prediction = config_.outputs == 1 ? last.sigmoid() * output_range_ + output_shift_ : last;
  if (trace != nullptr) {
    for (const auto& [name, value] : inputs.intermediates) trace->keep(name, value);
    trace->keep("Feature_f", product);
    trace->keep("post1", post1);
    trace->keep("post2", post2);
    trace->keep("pre_sigmoid", last);
    trace->keep("M", prediction);
  }
  Output output;
  if (config_.outputs == 1) output.score = prediction.squeeze(1);
  return output;
}

Losses Tfn::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).abs().mean();
  return {task, {{"task", task}}};
}

bool Tfn::is_padding_invariant() const { return !config_.reference_quirks; }

ModelInfo info() {
  ModelInfo info;
  info.name = "tfn";
  info.title = "TFN";
  info.paper = "Zadeh et al., EMNLP 2017";
  info.kind = "ternary symmetric";
  info.year = 2017;
  info.text = TextInput::features;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  // The fused tensor itself has up to hundreds of thousands of columns: what the first layer after it makes of it.
  info.features = {{"text", "Feature_t"}, {"vision", "Feature_v"}, {"audio", "Feature_a"}, {"fused", "post1"}};
  info.state = "running statistics of batch norm";
  info.exceptions = {{"NonFiniteInputGivesANonFiniteTerm", kNanMeansZero}};
  info.set_makers<Tfn, TfnConfig>();
  return info;
}

}  // namespace kuda::tfn
