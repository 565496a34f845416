#pragma once
// Stage 2 of KuDA: sentiment ratio, alignment and dynamic attention blocks (eq. 6 to 13).

#include <torch/torch.h>

#include <vector>

#include "kuda/data/shape.h"
#include "kuda/models/kuda/config.h"
#include "kuda/models/kuda/trust.h"
#include "kuda/models/trace.h"
#include "kuda/tensor/linear.h"
#include "kuda/tensor/positions.h"

namespace kuda::kuda_model {

/// Endings of parameter names.
inline constexpr PerModality<const char*> kSuffix{"t", "v", "a"};

/// R of eq. 6, [B, 1, 1] per present modality: phi(prediction - label) normalised over the present ones.
///   predictions [B, 1] each, label [B]. Source: paper section 3.3, eq. 6 (reconstructed, see the README).
[[nodiscard]] ModalityTensors sentiment_ratio(const KudaConfig& config, const ModalityTensors& predictions,
                                              const torch::Tensor& label);

/// Multi-head attention with bias-free projections to heads x head_width, names to_q, to_k, to_v, to_out.0.
class FusionAttentionImpl : public torch::nn::Module {
 public:
  FusionAttentionImpl(const KudaConfig& config, double dropout);
  /// query [B, Lq, D], source [B, Lk, D], at: the padding [B, Lk] of the source -> [B, Lq, D]; or all packed
  torch::Tensor forward(const torch::Tensor& query, const torch::Tensor& source, const Positions& at,
                        torch::Tensor* weights);

 private:
  std::int64_t heads_;
  double dropout_;
  Linear to_q_{nullptr}, to_k_{nullptr}, to_v_{nullptr}, to_out_{nullptr};
};
TORCH_MODULE(FusionAttention);

/// LayerNorm, then W2 drop(gelu(W1 x)), drop; names norm, net.0, net.3.
class FusionFeedForwardImpl : public torch::nn::Module {
 public:
  FusionFeedForwardImpl(const KudaConfig& config, double dropout);
  torch::Tensor forward(const torch::Tensor& x);  ///< [B, L, D] -> [B, L, D]

 private:
  double dropout_;
  torch::nn::LayerNorm norm_{nullptr};
  Linear up_{nullptr}, down_{nullptr};
};
TORCH_MODULE(FusionFeedForward);

/// What a block needs beside its input F.
struct FusionContext {
  ModalityTensors aligned;        ///< U'_m [B, L, D]
  ModalityTensors ratio;          ///< R_m [B, 1, 1]; all undefined: R = 1, or 1 / M where the place is "scale"
  torch::Tensor padding;          ///< [B, L] bool of the common length, or undefined
  Positions at{torch::Tensor()};  ///< set by Fusion from the padding; where packed, aligned is [N, D], ratio [N, 1]
  bool skip_norms = false;        ///< the released test graph: plain sum of C_m, no ratio, no per-modality norms
};

/// Eq. 9 to 11: one cross transformer per modality, their ratio-weighted sum, self-attention, feed-forward.
class DynamicAttentionBlockImpl : public torch::nn::Module {
 public:
  DynamicAttentionBlockImpl(const KudaConfig& config, const PerModality<bool>& present);
  /// fused [B, L, D] -> [B, L, D]; intermediates into `trace` under "block{index}/...".
  torch::Tensor forward(const torch::Tensor& fused, const FusionContext& context, int index, Trace* trace);

 private:
  struct CrossTransformer {
    FusionAttention attention{nullptr};
    FusionFeedForward feed_forward{nullptr};
    torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  };
  torch::Tensor cross(const CrossTransformer& transformer, const torch::Tensor& query, const torch::Tensor& source,
                      const Positions& at, torch::Tensor* weights);
  torch::Tensor weigh(Modality modality, const torch::Tensor& crossed, const FusionContext& context);

  KudaConfig::RatioPlace ratio_place_;
  PerModality<CrossTransformer> cross_;
  PerModality<torch::nn::LayerNorm> modality_norm_{nullptr, nullptr, nullptr};
  torch::nn::LayerNorm sum_norm_{nullptr}, norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
  FusionAttention self_attention_{nullptr};
  FusionFeedForward feed_forward_{nullptr};
};
TORCH_MODULE(DynamicAttentionBlock);

class FusionVariant;

/// Brings U_m to the common width and length (eq. 7) and runs the blocks (eq. 8). Published name: DyMultiFus.
class FusionImpl : public torch::nn::Module, public SkipsPadding {
 public:
  FusionImpl(const KudaConfig& config, const DataShape& shape, const PerModality<std::int64_t>& input_widths);
  /// U'_m: features [B, l, 2d], padding [B, l] (zeroes padded frames when mask_alignment) -> [B, common, D]
  torch::Tensor align(Modality modality, const torch::Tensor& features, const torch::Tensor& padding,
                      std::int64_t common_length);
  /// F^L [B, L, D] from the sum F^0 of the aligned features; [B, 1, D] where a variant gives one vector.
  torch::Tensor forward(FusionContext context, Trace* trace);
  /// What forward() keeps in a trace, block by block.
  [[nodiscard]] std::vector<FusionBlockTrace> traced_blocks() const;

 private:
  bool mask_alignment_;
  bool is_text_centred_;
  std::shared_ptr<FusionVariant> variant_;
  PerModality<Linear> dim_{nullptr, nullptr, nullptr};
  PerModality<torch::nn::Linear> len_{nullptr, nullptr, nullptr};  ///< weights are read in part: never prepared
  std::vector<DynamicAttentionBlock> blocks_;
};
TORCH_MODULE(Fusion);

/// Eq. 12 for one modality: u, f [B, D] -> scalar. Vectors shorter than 1e-12 count as 1e-12 long.
[[nodiscard]] torch::Tensor contrastive_loss(const torch::Tensor& u, const torch::Tensor& f);

}  // namespace kuda::kuda_model
