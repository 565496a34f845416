#include "kuda/models/kuda/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kuda/base/error.h"

namespace kuda::kuda_model {

void KudaConfig::describe(Fields& fields) {
  fields.add("ratio", ratio,
             "sentiment ratio of eq. 6: inverse = 1/(1+k|d|), gaussian = exp(-k d^2) as the released code, none = 1 "
             "for each modality (ablation w/o SR); ours: exponential = exp(-k|d|), precision = 1/(1+k^2 d^2)");
  fields.add("k", k,
             "slope of the ratio (paper: SIMS 0.1, SIMSv2 0.3, MOSI 2, MOSEI 5; released: 0.1; selecting: 6 for labels "
             "in [-1, 1], 2 for [-3, 3])",
             at_least(0));
  fields.add(
      "ratio_place", ratio_place,
      "post = (1+R) LN(C); pre = LN(C + R C) as the released code, where the norm cancels the ratio; scale = M R "
      "LN(C) of M modalities (ours)");
  fields.add("ratio_at_test", ratio_at_test,
             "one = R is 1 for each modality; none = neither ratio nor per-modality norms, as the released code");
  fields.add("ratio_detach", ratio_detach, "no gradient through the ratio");
  fields.add("ratio_label_scale", ratio_label_scale,
             "factor on the unimodal predictions in the ratio (3 when decoders were taught in [-1, 1] for [-3, 3])",
             at_least(0));
  fields.add("task_loss", task_loss, "mae (paper, eq. 14) or mse (released code)");
  fields.add("lambda", lambda, "weight of the contrastive term of eq. 15; 0 = ablation w/o CE", at_least(0));
  fields.add("ratio_from", ratio_from,
             "label = distances of the decoders' scores to the label, so the ratio acts in training only; predicted = "
             "distances that trust heads predict, in tests too (ours)");
  fields.add(
      "score", score,
      "fusion = eq. 13; mean = the decoders' scores weighted by the ratio, with a learned scale and offset; both "
      "= the sum of the two (ours)");
  fields.add("trust_target", trust_target,
             "what a trust head learns: how far from the multimodal label is the unimodal label (label), or the "
             "decoder's score (prediction). A clip without unimodal label always teaches the latter");
  fields.add("trust_weight", trust_weight, "weight of the trust heads' error in stage 2", at_least(0));
  fields.add("trust_pretrain_weight", trust_pretrain_weight, "weight of the trust head's error in stage 1",
             at_least(0));
  fields.add(
      "trust_loss", trust_loss,
      "what a predicted distance d costs where t is true: absolute = |d - t|; likelihood = log(v)/2 + t^2/(2v) with "
      "the variance v = d^2 + 1/k^2, a Gaussian expert for each modality where the ratio is precision");
  fields.add("own_labels", own_labels,
             "weight of the unimodal labels' error in stage 2 (mean absolute error of the decoders); with knowledge = "
             "false one joint stage instead of two (ours)",
             at_least(0));
  fields.add("thaw_epochs", thaw_epochs,
             "in that many last epochs of stage 2 adapters and decoders learn too (published: 0)", at_least(0));
  fields.add("mask_decoder_mean", mask_decoder_mean, "decoders average over real positions only");
  fields.add("mask_alignment", mask_alignment, "padded frames do not enter the length alignment");
  fields.add("mask_fusion", mask_fusion, "attention, contrastive and output means use real positions only");
  fields.add("adapter_layers", adapter_layers,
             "text layers with an adapter, counted in an encoder of adapter_depth layers (paper: 3, 6, 9, 11 for "
             "SIMS and SIMSv2; 6, 9 for MOSI and MOSEI)");
  fields.add("adapter_depth", adapter_depth,
             "depth that adapter_layers refers to; encoders of another depth use the same fractions", at_least(1));
  fields.add("sequence_width", sequence_width, "width of the vision and audio encoders", at_least(1));
  fields.add("sequence_layers", sequence_layers, "layers of the vision and audio encoders", at_least(1));
  fields.add("sequence_heads", sequence_heads, "attention heads of the vision and audio encoders", at_least(1));
  fields.add("sequence_adapters", sequence_adapters, "adapters on layers 1, 2, ... of the vision and audio encoders",
             at_least(1));
  fields.add("adapter_heads", adapter_heads, "attention heads inside an adapter", at_least(1));
  fields.add("adapter_depth_inner", adapter_depth_inner, "transformer layers inside an adapter", at_least(1));
  fields.add("width", width, "width of the fusion", at_least(1));
  fields.add("heads", heads, "attention heads of the fusion", at_least(1));
  fields.add("head_width", head_width, "width of one attention head of the fusion", at_least(1));
  fields.add("feed_forward", feed_forward, "inner width of the fusion's feed-forward layers", at_least(1));
  fields.add("blocks", blocks, "dynamic attention blocks (paper: 3, 3, 2, 4; released: 3)", at_least(1));
  fields.add("output_widths", output_widths, "the two hidden widths of the output layers");
  fields.add("dropout_text", dropout_text, "dropout of the text encoder", between(0, 1));
  fields.add("dropout_sequence", dropout_sequence, "dropout of the vision and audio encoders", between(0, 1));
  fields.add("dropout_adapter", dropout_adapter, "dropout inside the adapters", between(0, 1));
  fields.add("dropout_fusion", dropout_fusion, "dropout of the cross-modal transformers", between(0, 1));
  fields.add("knowledge", knowledge, "false = ablation w/o KIP: no stage 1, nothing is frozen");
  fields.add("adapters", adapters, "false = ablation w/o Adapter");
  fields.add("decoders", decoders, "false together with adapters = false: ablation w/o EKI (no stage 1, no ratio)");
  fields.add(
      "fusion", fusion,
      "dynamic = attention blocks; the others are Table 7: addition (also ablation w/o DAF), concatenation, tensor, "
      "low_rank, text_centred");
  fields.add("transfer", transfer,
             "stage 1 on other data: bridge = its features are brought to the target's shape by a linear layer that "
             "is dropped afterwards; partial = load what fits, start the input layers fresh; none = no stage 1");
  fields.add("interpolate_positions", interpolate_positions,
             "partial: stretch position tables along time instead of starting fresh");
  fields.add("partial_lr_scale", partial_lr_scale, "partial: learning rate of the fresh input layers over train.lr",
             at_least(0));
}

std::vector<std::int64_t> text_adapter_layers(const KudaConfig& config, std::int64_t depth) {
  std::vector<std::int64_t> layers, rising;  // rising: of those that are named, what such an encoder can take
  for (const auto layer : config.adapter_layers) {
    if (layer < 1 || layer > config.adapter_depth)
      throw ConfigError(fmt::format("kuda.adapter_layers: layer {} is not within 1..{} (kuda.adapter_depth)", layer,
                                    config.adapter_depth));
    const auto own = std::max<std::int64_t>(1, layer * depth / config.adapter_depth);
    if (layers.empty() || own > *std::max_element(layers.begin(), layers.end())) rising.push_back(layer);
    layers.push_back(own);
  }
  if (layers.empty() || !std::is_sorted(layers.begin(), layers.end()) ||
      std::adjacent_find(layers.begin(), layers.end()) != layers.end())
    throw ConfigError(
        fmt::format("kuda.adapter_layers: {} of {} become {} in an encoder of {} layers; expected rising layers",
                    config.adapter_layers, config.adapter_depth, layers, depth),
        fmt::format(
            "name fewer layers (kuda.adapter_layers={} would do), or set kuda.adapter_depth to the depth they are "
            "counted in",
            rising));
  return layers;
}

void check(const KudaConfig& config) {
  if (config.own_labels > 0 && !config.decoders)
    throw ConfigError(fmt::format("kuda.own_labels = {} needs kuda.decoders = true: they say what each modality shows",
                                  config.own_labels));
  if (config.trust_loss == KudaConfig::TrustLoss::likelihood && config.k == 0)
    throw ConfigError("kuda.trust_loss = \"likelihood\" needs kuda.k above 0: 1 / k is the least deviation, found 0",
                      "kuda.k = 10 for labels in [-1, 1]");
  if (!config.decoders && config.adapters)
    throw ConfigError("kuda.decoders = false needs kuda.adapters = false (ablation w/o EKI removes both)");
  if (config.output_widths.size() != 2)
    throw ConfigError(fmt::format("kuda.output_widths: expected two widths, found {}", config.output_widths.size()));
  if (config.sequence_adapters > config.sequence_layers)
    throw ConfigError(fmt::format("kuda.sequence_adapters = {} exceeds kuda.sequence_layers = {}",
                                  config.sequence_adapters, config.sequence_layers));
  if (!config.predicts_ratio()) {
    if (config.score != KudaConfig::Score::fusion)
      throw ConfigError(fmt::format("kuda.score = \"{}\" needs kuda.ratio_from = \"predicted\", found \"label\"",
                                    name_of(config.score)),
                        "the label's ratio is unknown in tests; the profile selecting sets both");
    return;
  }
  if (!config.decoders)
    throw ConfigError("kuda.ratio_from = \"predicted\" needs kuda.decoders = true: the ratio weighs their scores");
  if (config.ratio == KudaConfig::Ratio::none)
    throw ConfigError("kuda.ratio_from = \"predicted\" needs a ratio, found kuda.ratio = \"none\"",
                      "set kuda.ratio = \"exponential\"");
  if (config.ratio_at_test != KudaConfig::RatioAtTest::one)
    throw ConfigError("kuda.ratio_from = \"predicted\" needs kuda.ratio_at_test = \"one\", found \"none\"",
                      "a predicted ratio is the same in training and in tests");
  if (config.ratio_label_scale != 1)
    throw ConfigError(fmt::format("kuda.ratio_from = \"predicted\" needs kuda.ratio_label_scale = 1, found {}",
                                  config.ratio_label_scale),
                      "no decoder's score is compared with a label");
}

}  // namespace kuda::kuda_model
