#include "kuda/nn/mean_inputs.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/time_mean.h"

namespace kuda {

using torch::Tensor;

MeanEncoders::MeanEncoders(torch::nn::Module& owner, const MeanEncoderOptions& options, const DataShape& shape,
                           const BertConfig& bert, const std::string& folder)
    : options_(options) {
  const auto [has_text, has_vision, has_audio] = shape.present;  // in the order of Modality
  if (has_audio) {
    audio_width_ += options.audio_hidden;
    audio_ = owner.register_module("audio_subnet",
                                   FeatureSubnet(shape.width.audio, options.audio_hidden, options.dropout_audio));
  }
  if (has_vision) {
    vision_width_ += options.vision_hidden;
    vision_ = owner.register_module("video_subnet",
                                    FeatureSubnet(shape.width.vision, options.vision_hidden, options.dropout_vision));
  }
  if (has_text) {
    text_width_ += options.text_out;
    text_features_ = std::make_shared<TextFeatures>(owner, shape, bert, folder);
    text_ =
        owner.register_module("text_subnet", TextSubnet(text_features_->width(), options.text_hidden, options.text_out,
                                                        options.reference_quirks ? 0 : options.dropout_text));
  }
}

Tensor MeanEncoders::average(const Sequence& sequence, bool is_audio) const {
  if (!sequence.values.defined()) return {};
  return options_.reference_quirks ? loader_time_mean(sequence.values, is_audio)
                                   : time_mean(sequence.values, sequence.padding);
}

MeanInputs MeanEncoders::encode(const Batch& batch) {
  MeanInputs inputs;
  const auto keep = [&](const char* name, const Tensor& value) { inputs.intermediates.emplace_back(name, value); };
  Tensor audio, vision, text;
  if (!audio_.is_empty())
    if (const auto mean = average(batch.audio, true); mean.defined()) {
      Tensor norm;
      audio = audio_->forward(mean, &norm);  // [B, Ha]
      keep("audio_mean", mean);
      keep("audio_norm", norm);
      keep("Feature_a", audio);
    }
  if (!vision_.is_empty())
    if (const auto mean = average(batch.vision, false); mean.defined()) {
      Tensor norm;
      vision = vision_->forward(mean, &norm);  // [B, Hv]
      keep("vision_mean", mean);
      keep("vision_norm", norm);
      keep("Feature_v", vision);
    }
  if (!text_.is_empty())
    if (const auto words = text_features_->of(batch); words.values.defined()) {
      Tensor state;
      text = text_->forward(words.values, options_.reference_quirks ? Tensor() : words.lengths, &state);  // [B, To]
      keep("text_lstm_h", state);
      keep("Feature_t", text);
    }
  const auto& any = audio.defined() ? audio : vision.defined() ? vision : text;
  if (!any.defined()) throw ShapeError("the batch holds none of the modalities that the model was built for");
  const auto with_one = [&](const Tensor& x, std::int64_t width) {
    const auto one = torch::ones({any.size(0), 1}, any.options());
    if (width == 1) return one;
    return torch::cat({one, x.defined() ? x : torch::zeros({any.size(0), width - 1}, any.options())}, 1);
  };
  inputs.audio = with_one(audio, audio_width_);
  inputs.vision = with_one(vision, vision_width_);
  inputs.text = with_one(text, text_width_);
  return inputs;
}

}  // namespace kuda
