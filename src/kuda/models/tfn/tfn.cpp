#include "kuda/models/tfn/tfn.h"

#include "kuda/base/error.h"
#include "kuda/models/mean_inputs.h"
#include "kuda/text/dropout.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

Tfn::Tfn(const TfnConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  const auto [has_text, has_vision, has_audio] = shape.present;
  if (!has_text && !has_vision && !has_audio)
    throw ConfigError("tfn: none of the modalities is present, expected at least one");
  output_range_ = register_parameter("output_range", torch::full({1}, config.output_range), false);
  output_shift_ = register_parameter("output_shift", torch::full({1}, config.output_shift), false);
  if (has_audio)
    audio_ = register_module("audio_subnet",
                             FeatureSubnet(shape.audio_width, config.audio_hidden, config.dropout_audio));
  if (has_vision)
    vision_ = register_module("video_subnet",
                              FeatureSubnet(shape.vision_width, config.vision_hidden, config.dropout_vision));
  if (has_text) {
    text_features_ = std::make_unique<TextFeatures>(*this, shape, text.bert, text.folder);
    text_ = register_module("text_subnet", TextSubnet(text_features_->width(), config.text_hidden, config.text_out,
                                                      config.reference_quirks ? 0 : config.dropout_text));
  }
  const auto size = (has_audio ? config.audio_hidden + 1 : 1) * (has_vision ? config.vision_hidden + 1 : 1) *
                    (has_text ? config.text_out + 1 : 1);
  post_fusion_1_ = register_module("post_fusion_layer_1", nn::Linear(size, config.post_fusion));
  post_fusion_2_ = register_module("post_fusion_layer_2", nn::Linear(config.post_fusion, config.post_fusion));
  post_fusion_3_ = register_module("post_fusion_layer_3", nn::Linear(config.post_fusion, config.outputs));
}

Output Tfn::forward(const Batch& batch, Trace* trace) {
  const MeanInputs inputs = encode_means(batch, {audio_, vision_, text_, text_features_.get()},
                                         config_.reference_quirks, trace);
  const auto rows = inputs.rows;
  // [1, audio] x [1, vision] x [1, text], flattened in this order: the head's weights depend on it.
  const auto two = inputs.audio.unsqueeze(2).bmm(inputs.vision.unsqueeze(1)).view({rows, -1, 1});  // [B, a * v, 1]
  const auto product = two.bmm(inputs.text.unsqueeze(1)).view({rows, -1});                         // [B, a * v * t]
  const auto post1 = post_fusion_1_(hash_dropout(product, config_.dropout_fusion, is_training()));
  const auto post2 = post_fusion_2_(torch::relu(post1));
  const auto last = post_fusion_3_(torch::relu(post2));  // [B, outputs]
  const auto prediction = config_.outputs == 1 ? last.sigmoid() * output_range_ + output_shift_ : last;
  if (trace != nullptr) {
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

ModelInfo tfn_info() {
  ModelInfo info;
  info.name = "tfn";
  info.title = "TFN";
  info.paper = "Zadeh et al., EMNLP 2017";
  info.kind = "ternary symmetric";
  info.year = 2017;
  info.text = TextInput::features;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.state = "running statistics of batch norm";
  info.make_config = [] { return std::make_unique<TfnConfig>(); };
  info.make = [](const ModelConfig& config, const DataShape& shape, const TextEncoder& text) -> std::shared_ptr<Model> {
    return std::make_shared<Tfn>(dynamic_cast<const TfnConfig&>(config), shape, text);
  };
  return info;
}

}  // namespace kuda
