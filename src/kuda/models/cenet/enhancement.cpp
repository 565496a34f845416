#include <limits>

#include "kuda/models/cenet/cenet.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

EnhancementAttentionImpl::EnhancementAttentionImpl(std::int64_t width, double gain) : gain_(gain) {
  query_ = register_module("Wq", nn::Linear(width, width));
  key_ = register_module("Wk", nn::Linear(width, width));
  value_ = register_module("Wv", nn::Linear(width, width));
}

Tensor EnhancementAttentionImpl::forward(const Tensor& text, const Tensor& source, const Tensor& padding) {
  auto score = gain_ * query_(text).matmul(key_(source).transpose(1, 2));  // [B, Lt, L]
  if (padding.defined()) score = score.masked_fill(padding.unsqueeze(1), -std::numeric_limits<double>::infinity());
  return score.softmax(-1).matmul(value_(source));  // [B, Lt, H]
}

EnhancementImpl::EnhancementImpl(const CenetConfig& config, const DataShape& shape, std::int64_t width)
    : mask_frames_(!config.reference_quirks) {
  const auto transform = [&](std::int64_t input) {
    return nn::Sequential(nn::Linear(input, width), nn::ReLU(), nn::Linear(width, width));
  };
  vision_ = register_module("visual_transform", transform(shape.vision_width));
  audio_ = register_module("acoustic_transform", transform(shape.audio_width));
  attend_vision_ = register_module("hv", EnhancementAttention(width, config.gain));
  attend_audio_ = register_module("ha", EnhancementAttention(width, config.gain));
  connect_ = register_module("cat_connect", nn::Linear(2 * width, width));
}

Tensor EnhancementImpl::forward(const Tensor& hidden, const Batch& batch, Trace* trace) {
  const auto padding = [&](const Sequence& sequence) { return mask_frames_ ? sequence.padding : Tensor(); };
  const auto vision = vision_->forward(batch.vision.values), audio = audio_->forward(batch.audio.values);  // [B, L, H]
  const auto from_vision = attend_vision_(hidden, vision, padding(batch.vision));                          // [B, Lt, H]
  const auto from_audio = attend_audio_(hidden, audio, padding(batch.audio));
  const auto shifted = hidden + connect_(torch::cat({from_vision, from_audio}, -1));
  if (trace != nullptr) {
    trace->keep("visual_transform", vision);
    trace->keep("acoustic_transform", audio);
    trace->keep("hv", from_vision);
    trace->keep("ha", from_audio);
    trace->keep("CE", shifted);
  }
  return shifted;
}

}  // namespace kuda
