#include "kuda/models/kuda/fusion.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/models/kuda/fusion_variants.h"
#include "kuda/nn/transformer.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::kuda_model {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

nn::LayerNorm norm(std::int64_t dim, double eps = 1e-5) { return nn::LayerNorm(nn::LayerNormOptions({dim}).eps(eps)); }

void keep(Trace* trace, const std::string& name, const Tensor& value) {
  if (trace != nullptr) trace->keep(name, value);
}

/// "block0/weighed/T"
std::string traced_name(std::size_t block, const char* part, Modality modality) {
  return fmt::format("block{}/{}/{}", block, part, letter(modality));
}

}  // namespace

ModalityTensors sentiment_ratio(const KudaConfig& config, const ModalityTensors& predictions, const Tensor& label) {
  ModalityTensors distances;
  for (const auto m : kModalities)
    if (predictions[m].defined())
      distances[m] = predictions[m] * config.ratio_label_scale - label.unsqueeze(1);  // [B, 1]
  return ratio_of(config, distances);
}

FusionAttentionImpl::FusionAttentionImpl(const KudaConfig& config, double dropout)
    : heads_(config.heads), dropout_(dropout) {
  const auto inner = config.heads * config.head_width;
  const auto projection = [&] { return Linear(nn::LinearOptions(config.width, inner).bias(false)); };
  to_q_ = register_module("to_q", projection());
  to_k_ = register_module("to_k", projection());
  to_v_ = register_module("to_v", projection());
  to_out_ = register_at(*this, "to_out.0", Linear(inner, config.width));
}

Tensor FusionAttentionImpl::forward(const Tensor& query, const Tensor& source, const Positions& at, Tensor* weights) {
  const auto mixed = at.attend(to_q_(query), to_k_(source), to_v_(source), heads_, /*dropout=*/0, weights);
  return hash_dropout(to_out_(mixed), dropout_, is_training());
}

FusionFeedForwardImpl::FusionFeedForwardImpl(const KudaConfig& config, double dropout) : dropout_(dropout) {
  norm_ = register_module("norm", norm(config.width));
  up_ = register_at(*this, "net.0", Linear(config.width, config.feed_forward));
  down_ = register_at(*this, "net.3", Linear(config.feed_forward, config.width));
}

Tensor FusionFeedForwardImpl::forward(const Tensor& x) {
  const auto inner = hash_dropout(torch::gelu(up_(norm_(x))), dropout_, is_training());
  return hash_dropout(down_(inner), dropout_, is_training());
}

DynamicAttentionBlockImpl::DynamicAttentionBlockImpl(const KudaConfig& config, const PerModality<bool>& present)
    : ratio_place_(config.ratio_place) {
  const auto d = config.width;
  constexpr double kBlockEps = 1e-6;  // of norm1 to norm3 in the published code; every other norm has 1e-5
  for (const auto m : kModalities) {
    if (!present[m]) continue;
    auto& part = module_at(*this, fmt::format("mhatt1.f_{}", kSuffix[m]));
    cross_[m].attention = part.register_module("cross_attn", FusionAttention(config, config.dropout_fusion));
    cross_[m].norm1 = part.register_module("layernorm1", norm(d));
    cross_[m].feed_forward = part.register_module("ffn", FusionFeedForward(config, config.dropout_fusion));
    cross_[m].norm2 = part.register_module("layernorm2", norm(d));
    modality_norm_[m] = register_at(*this, fmt::format("mhatt1.layernorm_{}", kSuffix[m]), norm(d));
  }
  sum_norm_ = register_at(*this, "mhatt1.layernorm", norm(d));
  self_attention_ = register_module("mhatt2", FusionAttention(config, 0.0));
  feed_forward_ = register_module("ffn", FusionFeedForward(config, 0.0));
  norm1_ = register_module("norm1", norm(d, kBlockEps));
  norm2_ = register_module("norm2", norm(d, kBlockEps));
  norm3_ = register_module("norm3", norm(d, kBlockEps));
}

Tensor DynamicAttentionBlockImpl::cross(const CrossTransformer& transformer, const Tensor& query, const Tensor& source,
                                        const Positions& at, Tensor* weights) {
  auto attention = transformer.attention;  // handles: copies share the module
  auto feed_forward = transformer.feed_forward;
  auto norm1 = transformer.norm1, norm2 = transformer.norm2;
  const auto x = norm1(attention(query, source, at, weights) + query);
  return norm2(feed_forward(x) + x);  // C_m, [B, L, D]
}

Tensor DynamicAttentionBlockImpl::weigh(Modality modality, const Tensor& crossed, const FusionContext& context) {
  if (context.skip_norms) return crossed;
  const auto& ratio = context.ratio[modality];
  if (ratio_place_ == KudaConfig::RatioPlace::scale) {  // ours: can mute a modality, which 1 + R cannot
    const auto normed = modality_norm_[modality](crossed);
    const auto in_use =
        std::count_if(context.aligned.begin(), context.aligned.end(), [](auto& x) { return x.defined(); });
    return ratio.defined() ? double(in_use) * ratio * normed : normed;
  }
  const auto factor = ratio.defined() ? 1 + ratio : torch::full({1}, 2.0, crossed.options());
  // paper: the ratio scales the normalised C_m; the released code scales before the norm, which cancels it.
  return ratio_place_ == KudaConfig::RatioPlace::post ? factor * modality_norm_[modality](crossed)
                                                      : modality_norm_[modality](factor * crossed);
}

Tensor DynamicAttentionBlockImpl::forward(const Tensor& fused, const FusionContext& context, int index, Trace* trace) {
  const auto name = [&](const char* part) { return fmt::format("block{}/{}", index, part); };
  keep(trace, name("in"), fused);
  Tensor sum;
  for (const auto m : kModalities) {
    if (!context.aligned[m].defined() || cross_[m].attention.is_empty()) continue;
    Tensor weights;
    const auto crossed = cross(cross_[m], fused, context.aligned[m], context.at, trace ? &weights : nullptr);
    const auto weighed = weigh(m, crossed, context);
    sum = sum.defined() ? sum + weighed : weighed;
    const auto block = static_cast<std::size_t>(index);
    keep(trace, traced_name(block, "cross", m), crossed);
    keep(trace, traced_name(block, "weighed", m), weighed);
    keep(trace, traced_name(block, "attn", m), weights);
  }
  const auto mixed = sum_norm_(sum.defined() ? sum : torch::zeros_like(fused));  // text-centred with text alone
  keep(trace, name("fused"), mixed);
  Tensor weights;
  const auto f1 = norm1_(fused + mixed);
  const auto f2 = norm2_(f1 + self_attention_(f1, f1, context.at, trace ? &weights : nullptr));
  const auto f3 = norm3_(f2 + feed_forward_(f2));
  keep(trace, name("attn/self"), weights);
  keep(trace, name("out"), f3);
  return f3;
}

FusionImpl::FusionImpl(const KudaConfig& config, const DataShape& shape, const PerModality<std::int64_t>& input_widths)
    : mask_alignment_(config.mask_alignment), is_text_centred_(config.fusion == KudaConfig::FusionKind::text_centred) {
  for (const auto m : kModalities) {
    if (!shape.present[m]) continue;
    dim_[m] = register_module(std::string("dim_") + kSuffix[m], Linear(input_widths[m], config.width));
    len_[m] = register_module(std::string("len_") + kSuffix[m], nn::Linear(shape.length[m], shape.length.text));
  }
  variant_ = make_fusion_variant(config, shape.present);
  if (variant_) register_module("variant", variant_);
  if (config.fusion != KudaConfig::FusionKind::dynamic && !is_text_centred_) return;
  auto sources = shape.present;
  if (is_text_centred_) {
    if (!sources.text) throw ConfigError("kuda.fusion = \"text_centred\" needs the text");
    sources.text = false;
  }
  for (std::int64_t b = 0; b < config.blocks; ++b) {
    blocks_.push_back(register_at(*this, fmt::format("dec_list.{}", b), DynamicAttentionBlock(config, sources)));
    if (b > 0) copy_state(*blocks_.front(), *blocks_.back());  // the published code deep-copies one block
  }
}

Tensor FusionImpl::align(Modality modality, const Tensor& features, const Tensor& padding, std::int64_t common_length) {
  auto h = dim_[modality](features);  // [B, l, D]
  if (mask_alignment_) h = h.masked_fill(padding.unsqueeze(-1), 0);
  // Lin_len acts along time. A batch cut to its longest clip uses the matching part of the weight.
  const auto length = h.size(1);
  if (length > len_[modality]->weight.size(1))
    throw ShapeError(fmt::format("{} of {} positions, but the model was built for {}", modality_name(modality), length,
                                 len_[modality]->weight.size(1)));
  const auto weight = len_[modality]->weight.slice(0, 0, common_length).slice(1, 0, length);  // [common, l]
  const auto bias = len_[modality]->bias.slice(0, 0, common_length);
  return torch::linear(h.transpose(1, 2), weight, bias).transpose(1, 2);  // [B, common, D]
}

Tensor FusionImpl::forward(FusionContext context, Trace* trace) {
  if (variant_) return variant_->forward(context.aligned, context.padding);
  context.at = trace == nullptr ? positions(context.padding) : Positions(context.padding);  // a trace shows [B, L, ...]
  for (const auto m : kModalities) {
    if (context.aligned[m].defined()) context.aligned[m] = context.at.pack(context.aligned[m]);
    context.ratio[m] = context.at.per_position(context.ratio[m]);
  }
  Tensor fused;
  for (const auto& aligned : context.aligned)
    if (aligned.defined() && !(is_text_centred_ && fused.defined()))
      fused = fused.defined() ? fused + aligned : aligned;
  for (std::size_t b = 0; b < blocks_.size(); ++b) fused = blocks_[b](fused, context, static_cast<int>(b), trace);
  return context.at.unpack(fused);
}

std::vector<FusionBlockTrace> FusionImpl::traced_blocks() const {
  std::vector<FusionBlockTrace> blocks(blocks_.size());
  for (std::size_t b = 0; b < blocks.size(); ++b)
    for (const auto m : kModalities) {
      blocks[b].weighed[m] = traced_name(b, "weighed", m);
      blocks[b].attention[m] = traced_name(b, "attn", m);
    }
  return blocks;
}

Tensor contrastive_loss(const Tensor& u, const Tensor& f) {
  const InFloat32 exact;  // a softmax over the batch of cosines that differ little
  const auto unit = [](const Tensor& x) { return x / x.norm(2, 1, /*keepdim=*/true).clamp_min(1e-12); };
  const auto similarity = unit(as_float32(u)).matmul(unit(as_float32(f)).t());  // [B, B]
  return (similarity.logsumexp(1) - similarity.diagonal()).mean();
}

}  // namespace kuda::kuda_model
