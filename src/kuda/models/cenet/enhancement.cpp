#include <algorithm>
#include <limits>

#include "kuda/base/random.h"
#include "kuda/models/cenet/cenet.h"
#include "kuda/nn/time_mean.h"

namespace kuda::cenet {

using torch::Tensor;
namespace nn = torch::nn;

EnhancementAttentionImpl::EnhancementAttentionImpl(std::int64_t width, double gain) : gain_(gain) {
  query_ = register_module("Wq", Linear(width, width));
  key_ = register_module("Wk", Linear(width, width));
  value_ = register_module("Wv", Linear(width, width));
}

Tensor EnhancementAttentionImpl::forward(const Tensor& text, const Tensor& source, const Tensor& padding) {
  auto score = gain_ * query_(text).matmul(key_(source).transpose(1, 2));  // [B, Lt, L]
  if (padding.defined()) score = score.masked_fill(padding.unsqueeze(1), -std::numeric_limits<double>::infinity());
  return score.softmax(-1).matmul(value_(source));  // [B, Lt, H]
}

EnhancementImpl::EnhancementImpl(const CenetConfig& config, const DataShape& shape, std::int64_t width)
    : mask_frames_(!config.reference_quirks), is_codebook_(config.is_codebook()) {
  const auto build = [&](FrameSource& source, const std::string& name, std::int64_t input) {
    if (is_codebook_) {
      const auto options = nn::EmbeddingOptions(config.clusters + 1, width).padding_idx(config.clusters);
      source.codebook = register_module(name + "_codebook", Codebook(config.clusters, input));
      source.embedding = register_module(name + "_embedding", nn::Embedding(options));
    } else {
      source.transform =
          register_module(name + "_transform", nn::Sequential(Linear(input, width), nn::ReLU(), Linear(width, width)));
    }
  };
  build(vision_, "visual", shape.width.vision);
  build(audio_, "acoustic", shape.width.audio);
  attend_vision_ = register_module("hv", EnhancementAttention(width, config.gain));
  attend_audio_ = register_module("ha", EnhancementAttention(width, config.gain));
  connect_ = register_module("cat_connect", Linear(2 * width, width));
}

Tensor EnhancementImpl::encode(FrameSource& source, const Sequence& frames) const {
  return is_codebook_ ? source.embedding(source.codebook->ids(frames)) : source.transform->forward(frames.values);
}

Tensor EnhancementImpl::forward(const Tensor& hidden, const Batch& batch, PerModality<Tensor>* means, Trace* trace) {
  const auto padding = [&](const Sequence& sequence) { return mask_frames_ ? sequence.padding : Tensor(); };
  const auto vision = encode(vision_, batch.vision), audio = encode(audio_, batch.audio);  // [B, L, H]
  const auto from_vision = attend_vision_(hidden, vision, padding(batch.vision));          // [B, Lt, H]
  const auto from_audio = attend_audio_(hidden, audio, padding(batch.audio));
  const auto shifted = hidden + connect_(torch::cat({from_vision, from_audio}, -1));
  if (means != nullptr)
    *means = {time_mean(hidden, batch.text_padding), time_mean(vision, batch.vision.padding),
              time_mean(audio, batch.audio.padding)};
  if (trace != nullptr) {
    const std::string step = is_codebook_ ? "embedding" : "transform";
    trace->keep("visual_" + step, vision);
    trace->keep("acoustic_" + step, audio);
    trace->keep("mean/T", time_mean(hidden, batch.text_padding));
    trace->keep("mean/V", time_mean(vision, batch.vision.padding));
    trace->keep("mean/A", time_mean(audio, batch.audio.padding));
    trace->keep("hv", from_vision);
    trace->keep("ha", from_audio);
    trace->keep("CE", shifted);
  }
  return shifted;
}

void EnhancementImpl::find_clusters(const TrainingFacts& facts) {
  if (!is_codebook_) return;
  FrameSample vision(vision_.codebook->width(), stream_seed(0, "vision frames")),
      audio(audio_.codebook->width(), stream_seed(0, "audio frames"));
  const auto size = std::ptrdiff_t(facts.batch_size);
  for (auto begin = facts.rows.begin(); begin != facts.rows.end();) {
    const auto end = begin + std::min(size, facts.rows.end() - begin);
    const auto batch = facts.collate({begin, end});
    vision.add(batch.vision);
    audio.add(batch.audio);
    begin = end;
  }
  vision_.codebook->fit(vision.frames(), modality_name(Modality::vision));
  audio_.codebook->fit(audio.frames(), modality_name(Modality::audio));
}

}  // namespace kuda::cenet
