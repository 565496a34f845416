#pragma once
// CENet (Wang et al., IEEE TMM 2022): a text encoder whose hidden states are shifted by audio and vision before its
// second layer. Two variants: the toolbox's (mmsa) and the authors' own (codebook).
//
//   auto model = find_model("cenet").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <torch/torch.h>

#include "kuda/models/cenet/codebook.h"
#include "kuda/models/cenet/config.h"
#include "kuda/models/model.h"
#include "kuda/tensor/linear.h"

namespace kuda::cenet {

/// softmax(gain (Wq h)(Wk s)^T) (Wv s): one head, no dropout. Names Wq, Wk, Wv.
class EnhancementAttentionImpl : public torch::nn::Module {
 public:
  EnhancementAttentionImpl(std::int64_t width, double gain);
  /// text [B, Lt, H], source [B, L, H], padding [B, L] bool or undefined -> [B, Lt, H]
  torch::Tensor forward(const torch::Tensor& text, const torch::Tensor& source, const torch::Tensor& padding);

 private:
  double gain_;
  Linear query_{nullptr}, key_{nullptr}, value_{nullptr};
};
TORCH_MODULE(EnhancementAttention);

/// How frames get the width of the text: two layers (mmsa), or a table of cluster ids (codebook; the last row is that
/// of padding).
struct FrameSource {
  torch::nn::Sequential transform{nullptr};
  Codebook codebook{nullptr};
  torch::nn::Embedding embedding{nullptr};
};

/// The cross-modal enhancement: hidden + Linear([attended vision; attended audio]). Names hv, ha, cat_connect, and
/// visual_transform, acoustic_transform or visual_embedding, acoustic_embedding, visual_codebook, acoustic_codebook.
class EnhancementImpl : public torch::nn::Module {
 public:
  EnhancementImpl(const CenetConfig& config, const DataShape& shape, std::int64_t width);
  /// [B, Lt, H] -> [B, Lt, H]; `means`: of each modality before the enhancement, [B, H].
  torch::Tensor forward(const torch::Tensor& hidden, const Batch& batch, PerModality<torch::Tensor>* means,
                        Trace* trace);
  /// codebook: fits the clusters of vision and audio to the true frames of the training clips.
  void find_clusters(const TrainingFacts& facts);

 private:
  torch::Tensor encode(FrameSource& source, const Sequence& frames) const;  ///< [B, L, H]
  bool mask_frames_, is_codebook_;
  FrameSource vision_, audio_;
  EnhancementAttention attend_vision_{nullptr}, attend_audio_{nullptr};
  Linear connect_{nullptr};
};
TORCH_MODULE(Enhancement);

/// What SentiLARE's tables know of each word piece, [B, Lt] int64 each; undefined: nothing ("none" everywhere).
struct WordTags {
  torch::Tensor word_polarity;      ///< 0, 1; 2 = none
  torch::Tensor part_of_speech;     ///< 0 to 3; 4 = none
  torch::Tensor sentence_polarity;  ///< 0 to 4; 5 = none
};

/// State names as published: mmsa bert.*, bert.encoder.CE.*, classifier.{dense,out_proj}; codebook roberta.* for
/// bert.*. Ours, with `own_labels`: own.{text,vision,audio}.
class Cenet final : public Model {
 public:
  /// Throws ConfigError unless all three modalities are present and the text encoder has two layers or more.
  Cenet(const CenetConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override { return forward(batch, {}, trace); }
  Output forward(const Batch& batch, const WordTags& tags, Trace* trace);  ///< mmsa has no use for the tags
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_padding_invariant() const override { return !config_.reference_quirks; }
  [[nodiscard]] std::vector<std::string> notes() const override;
  void begin_training(const TrainingFacts& facts) override { enhancement_->find_clusters(facts); }

 private:
  void add_tag_tables(torch::nn::Module& embeddings, std::int64_t width);
  [[nodiscard]] torch::Tensor embed(const Batch& batch, const WordTags& tags);
  CenetConfig config_;
  Bert bert_{nullptr};
  torch::nn::Embedding word_polarity_{nullptr}, part_of_speech_{nullptr}, sentence_polarity_{nullptr};
  Enhancement enhancement_{nullptr};
  Linear dense_{nullptr}, score_{nullptr};
  PerModality<Linear> own_heads_{nullptr, nullptr, nullptr};
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::cenet
