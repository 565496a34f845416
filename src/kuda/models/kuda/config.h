#pragma once
// Options of KuDA. Profiles ("paper", "released", "masked", "selecting") are nothing but sets of these.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/models/model.h"

namespace kuda::kuda_model {

struct KudaConfig final : ModelConfig {
  /// What the distances of eq. 6 are: to the label, which only training has, or predicted from U_m (ours, trust.h).
  enum class RatioFrom { label, predicted };
  friend constexpr auto value_names(RatioFrom) { return std::array{"label", "predicted"}; }
  /// phi of eq. 6; none: R = 1, ablation w/o SR; ours are exponential, and precision: 1 / (1 + k^2 d^2), which is as
  /// 1 / (d^2 + 1/k^2), the precision of a Gaussian expert.
  enum class Ratio { inverse, gaussian, none, exponential, precision };
  friend constexpr auto value_names(Ratio) {
    return std::array{"inverse", "gaussian", "none", "exponential", "precision"};
  }
  /// post: (1 + R) LN(C); pre: LN(C + R C), where LN cancels R; scale: M R LN(C) of M modalities (ours).
  enum class RatioPlace { post, pre, scale };
  friend constexpr auto value_names(RatioPlace) { return std::array{"post", "pre", "scale"}; }
  /// The score: eq. 13 (fusion), the mean of the decoders' scores weighted by R (mean), or the sum of the two.
  enum class Score { fusion, mean, both };
  friend constexpr auto value_names(Score) { return std::array{"fusion", "mean", "both"}; }
  /// What a predicted distance is taught: how far from the label a modality's own label is, or its decoder's score.
  enum class TrustTarget { label, prediction };
  friend constexpr auto value_names(TrustTarget) { return std::array{"label", "prediction"}; }
  /// What a predicted distance d costs where t is true: |d - t|, or log(v) / 2 + t^2 / (2 v) with v = d^2 + 1/k^2.
  enum class TrustLoss { absolute, likelihood };
  friend constexpr auto value_names(TrustLoss) { return std::array{"absolute", "likelihood"}; }
  /// one: R = 1; none: neither ratio nor the per-modality norms.
  enum class RatioAtTest { one, none };
  friend constexpr auto value_names(RatioAtTest) { return std::array{"one", "none"}; }
  /// Eq. 14.
  enum class TaskLoss { mae, mse };
  friend constexpr auto value_names(TaskLoss) { return std::array{"mae", "mse"}; }
  /// addition is also w/o DAF; the others but dynamic are Table 7.
  enum class FusionKind { dynamic, addition, concatenation, tensor, low_rank, text_centred };
  friend constexpr auto value_names(FusionKind) {
    return std::array{"dynamic", "addition", "concatenation", "tensor", "low_rank", "text_centred"};
  }
  /// How stage 1 on one data set serves stage 2 on another.
  enum class Transfer { bridge, partial, none };
  friend constexpr auto value_names(Transfer) { return std::array{"bridge", "partial", "none"}; }

  // The points in which the paper and the released code differ; the profiles "paper" and "released" set them.
  Ratio ratio = Ratio::inverse;
  double k = 0.1;  ///< slope of phi
  RatioPlace ratio_place = RatioPlace::post;
  RatioAtTest ratio_at_test = RatioAtTest::one;
  bool ratio_detach = false;     ///< no gradient through R
  double ratio_label_scale = 1;  ///< unimodal predictions are multiplied by this before eq. 6
  TaskLoss task_loss = TaskLoss::mae;
  double lambda = 0.01;  ///< eq. 15: weight of the contrastive term; 0 = ablation w/o CE

  // Ours: a ratio that acts without the label. The profile "selecting" sets these.
  RatioFrom ratio_from = RatioFrom::label;
  Score score = Score::fusion;
  TrustTarget trust_target = TrustTarget::label;
  double trust_weight = 0.3;           ///< weight of the predicted distances' error in stage 2
  double trust_pretrain_weight = 0.5;  ///< the same in stage 1
  TrustLoss trust_loss = TrustLoss::absolute;
  double own_labels = 0;         ///< weight of own_label_error (nn/own_labels.h) in stage 2
  std::int64_t thaw_epochs = 0;  ///< the last ones, in which adapters and decoders learn too

  // Padding: all three on is the profile "masked".
  bool mask_decoder_mean = false;  ///< the decoders' mean over time leaves padded positions out
  bool mask_alignment = false;     ///< padded frames do not enter the length alignment
  bool mask_fusion = false;        ///< attention, CE and output means leave padded common positions out

  // Architecture.
  std::vector<std::int64_t> adapter_layers{3, 6, 9, 11};  ///< text layers with an adapter, counted in ...
  std::int64_t adapter_depth = 12;  ///< ... an encoder of this depth; other depths use the same fractions
  std::int64_t sequence_width = 128, sequence_layers = 4, sequence_heads = 8, sequence_adapters = 3;
  std::int64_t adapter_heads = 4, adapter_depth_inner = 2;
  std::int64_t width = 256, heads = 8, head_width = 64, feed_forward = 512, blocks = 3;
  std::vector<std::int64_t> output_widths{64, 32};
  double dropout_text = 0.1, dropout_sequence = 0.2, dropout_adapter = 0.1, dropout_fusion = 0.3;

  // Ablations of Table 5.
  bool knowledge = true;  ///< false: w/o KIP, no stage 1 and nothing is frozen
  bool adapters = true;   ///< false: w/o Adapter
  bool decoders = true;   ///< false (with adapters = false): w/o EKI
  FusionKind fusion = FusionKind::dynamic;

  // How stage 1 on one data set serves stage 2 on another (README: "External knowledge for data without unimodal
  // labels").
  Transfer transfer = Transfer::bridge;
  bool interpolate_positions = false;  ///< partial: stretch the position tables along time instead of new ones
  double partial_lr_scale = 33;        ///< partial: rate of the fresh input projections over train.lr (about 1e-3)

  /// Each modality has a trust head then.
  [[nodiscard]] bool predicts_ratio() const noexcept { return ratio_from == RatioFrom::predicted; }
  void describe(Fields& fields) override;
};

/// Layers with a text adapter in an encoder of `depth` layers: floor(layer * depth / adapter_depth), at least 1.
/// For 6 layers 3, 6, 9, 11 of 12 become 1, 3, 4, 5. Throws ConfigError when two fall together or exceed the depth.
[[nodiscard]] std::vector<std::int64_t> text_adapter_layers(const KudaConfig& config, std::int64_t depth);

/// Rejects combinations without meaning. Throws ConfigError naming both options.
void check(const KudaConfig& config);

}  // namespace kuda::kuda_model
