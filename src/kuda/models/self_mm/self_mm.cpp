#include "kuda/models/self_mm/self_mm.h"

#include <fmt/format.h>

#include "kuda/nn/recurrent.h"
#include "kuda/tensor/dropout.h"

namespace kuda::self_mm {

using torch::Tensor;
namespace nn = torch::nn;

LastStateEncoderImpl::LastStateEncoderImpl(std::int64_t input, std::int64_t hidden, std::int64_t output, double dropout)
    : dropout_(dropout) {
  rnn_ = register_module("rnn", nn::LSTM(nn::LSTMOptions(input, hidden).batch_first(true)));
  linear_ = register_module("linear_1", Linear(hidden, output));
}

Tensor LastStateEncoderImpl::forward(const Tensor& values, const Tensor& lengths, const char* name, Trace* trace) {
  const auto state = final_states(rnn_, values, lengths)[0];  // [B, hidden]
  const auto encoded = linear_(hash_dropout(state, dropout_, is_training()));
  if (trace != nullptr) {
    trace->keep(fmt::format("{}_rnn_h", name), state);
    trace->keep(fmt::format("{}_feat", name), encoded);
  }
  return encoded;
}

SelfMm::SelfMm(const SelfMmConfig& config, const DataShape& shape, const TextEncoder& text)
    : MultitaskModel(config, shape, text, "Self-MM"), config_(config) {
  audio_ = register_module("audio_model", LastStateEncoder(shape.width.audio, config.audio_hidden, config.audio_out,
                                                           config.dropout_audio_lstm));
  vision_ = register_module("video_model", LastStateEncoder(shape.width.vision, config.vision_hidden, config.vision_out,
                                                            config.dropout_vision_lstm));
  const auto width = text.bert.hidden_size;
  add_heads({width + config.audio_out + config.vision_out, width, config.audio_out, config.vision_out});
}

Output SelfMm::forward(const Batch& batch, Trace* trace) {
  const auto hidden = encode_text(batch);  // [B, Lt, D]
  const auto text = hidden.select(1, 0);   // [CLS], [B, D]
  const auto words = batch.text_padding.logical_not().sum(1);
  const auto encode = [&](LastStateEncoder& encoder, const Sequence& sequence, const char* name) {
    const auto lengths = config_.lengths_of_text ? words.clamp_max(sequence.values.size(1)) : sequence.lengths;
    return encoder->forward(sequence.values, lengths, name, trace);
  };
  const auto audio = encode(audio_, batch.audio, "audio"), vision = encode(vision_, batch.vision, "vision");
  if (trace != nullptr) trace->keep("bert_last", hidden);
  return score({torch::cat({text, audio, vision}, 1), text, audio, vision}, trace);
}

ModelInfo info() {
  ModelInfo info;
  info.name = "self_mm";
  info.title = "Self-MM";
  info.paper = "Yu et al., AAAI 2021";
  info.kind = "ternary symmetric";
  info.year = 2021;
  describe_multitask(info);
  info.set_makers<SelfMm, SelfMmConfig>();
  return info;
}

}  // namespace kuda::self_mm
