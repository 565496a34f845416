#include "kuda/models/misa/misa.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/models/misa/misa_losses.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::misa {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::array<char, 3> kMisaLetter{'t', 'v', 'a'};
constexpr std::int64_t kMisaFeedForward = 2048;  // torch's default, never set by the published code

Recurrent make_recurrent(nn::Module& owner, char letter, std::int64_t width, bool is_lstm) {
  Recurrent recurrent;
  recurrent.width = width;
  const auto first = fmt::format("{}rnn1", letter), second = fmt::format("{}rnn2", letter);
  if (is_lstm) {
    const auto options = [&](std::int64_t input) {
      return nn::LSTMOptions(input, width).bidirectional(true).batch_first(true);
    };
    recurrent.lstm1 = owner.register_module(first, nn::LSTM(options(width)));
    recurrent.lstm2 = owner.register_module(second, nn::LSTM(options(2 * width)));
  } else {
    const auto options = [&](std::int64_t input) {
      return nn::GRUOptions(input, width).bidirectional(true).batch_first(true);
    };
    recurrent.gru1 = owner.register_module(first, nn::GRU(options(width)));
    recurrent.gru2 = owner.register_module(second, nn::GRU(options(2 * width)));
  }
  recurrent.norm =
      owner.register_module(fmt::format("{}layer_norm", letter), nn::LayerNorm(nn::LayerNormOptions({2 * width})));
  return recurrent;
}

/// Packed output and final hidden states [2, B, D].
std::pair<nn::utils::rnn::PackedSequence, Tensor> run(nn::LSTM& lstm, nn::GRU& gru,
                                                      const nn::utils::rnn::PackedSequence& x) {
  if (gru.is_empty()) {
    const auto [output, state] = lstm->forward_with_packed_input(x);
    return {output, std::get<0>(state)};
  }
  const auto [output, state] = gru->forward_with_packed_input(x);
  return {output, state};
}

}  // namespace

Tensor Recurrent::forward(const Tensor& x, const Tensor& lengths, Tensor* normalised) {
  namespace rnn = torch::nn::utils::rnn;
  const InFloat32 exact;  // as in nn/recurrent.h
  const auto [output, state1] = run(lstm1, gru1, rnn::pack_padded_sequence(as_float32(x), lengths, true, false));
  const auto middle = norm(std::get<0>(rnn::pad_packed_sequence(output, true)));  // [B, max n, 2D]
  if (normalised != nullptr) *normalised = middle;
  const auto state2 = run(lstm2, gru2, rnn::pack_padded_sequence(middle, lengths, true, false)).second;
  return torch::cat({state1, state2}, 2).permute({1, 0, 2}).flatten(1);  // [2, B, 2D] -> [B, 4D]
}

FusionLayerImpl::FusionLayerImpl(std::int64_t width, double dropout) : dropout_(dropout) {
  self_attn_ = register_module("self_attn", SelfAttention(width, 2, dropout));
  linear1_ = register_module("linear1", Linear(width, kMisaFeedForward));
  linear2_ = register_module("linear2", Linear(kMisaFeedForward, width));
  norm1_ = register_module("norm1", nn::LayerNorm(nn::LayerNormOptions({width})));
  norm2_ = register_module("norm2", nn::LayerNorm(nn::LayerNormOptions({width})));
}

Tensor FusionLayerImpl::forward(const Tensor& x) {
  const auto drop = [&](const Tensor& y) { return hash_dropout(y, dropout_, is_training()); };
  const auto attended = norm1_(x + drop(self_attn_(x, Tensor())));
  return norm2_(attended + drop(linear2_(drop(torch::relu(linear1_(attended))))));
}

Misa::Misa(const MisaConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  if (shape.present != PerModality<bool>{true, true, true})
    throw ConfigError("misa: its losses compare the modalities with each other, so it needs all three modalities",
                      "set data.modalities to text, vision and audio");
  const auto h = config.width;
  if (h % 2 != 0) throw ConfigError(fmt::format("misa.width = {}: expected an even number (two heads)", h));
  bert_ = Bert(text.bert);
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
  if (!config.finetune_bert)
    for (auto& parameter : bert_->parameters()) parameter.set_requires_grad(false);
  register_at(*this, "bertmodel.model", bert_);
  const bool is_lstm = config.recurrent == RnnKind::lstm;
  const std::int64_t text_width = text.bert.hidden_size;
  vision_ = make_recurrent(*this, 'v', shape.width.vision, is_lstm);
  audio_ = make_recurrent(*this, 'a', shape.width.audio, is_lstm);
  register_module("tlayer_norm", nn::LayerNorm(nn::LayerNormOptions({2 * text_width})));  // published, unused
  const std::array<std::int64_t, 3> widths{text_width, 4 * shape.width.vision, 4 * shape.width.audio};
  for (std::size_t m = 0; m < 3; ++m) {
    auto& part = parts_[m];
    const auto name = [&](const char* format) { return fmt::format(fmt::runtime(format), kMisaLetter[m]); };
    part.project = register_at(*this, name("project_{0}.project_{0}"), Linear(widths[m], h));
    part.project_norm =
        register_at(*this, name("project_{0}.project_{0}_layer_norm"), nn::LayerNorm(nn::LayerNormOptions({h})));
    // The published name of the third ends with 3.
    part.private_encoder =
        register_at(*this, name(m == 2 ? "private_{0}.private_{0}_3" : "private_{0}.private_{0}_1"), Linear(h, h));
    part.recon = register_at(*this, name("recon_{0}.recon_{0}_1"), Linear(h, h));
  }
  shared_ = register_at(*this, "shared.shared_1", Linear(h, h));
  if (config.similarity == MisaConfig::Similarity::adversarial) {
    discriminator1_ = register_at(*this, "discriminator.discriminator_layer_1", Linear(h, h));
    discriminator2_ = register_at(*this, "discriminator.discriminator_layer_2", Linear(h, 3));
  }
  sp_discriminator_ = register_at(*this, "sp_discriminator.sp_discriminator_layer_1", Linear(h, 4));
  fusion1_ = register_at(*this, "fusion.fusion_layer_1", Linear(6 * h, 3 * h));
  fusion3_ = register_at(*this, "fusion.fusion_layer_3", Linear(3 * h, 1));
  encoder_ = register_at(*this, "transformer_encoder.layers.0", FusionLayer(h, config.dropout_fusion));
}

/// Mean of the last hidden states over real word pieces, [B, Db].
Tensor Misa::text_vector(const Batch& batch, Trace* trace) {
  Tensor hidden;
  {
    const torch::AutoGradMode with_gradient(config_.finetune_bert && torch::GradMode::is_enabled());
    hidden = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();  // [B, L, Db]
  }
  const auto weight = batch.text_padding.logical_not().to(hidden.scalar_type()).unsqueeze(-1);  // [B, L, 1]
  if (trace != nullptr) trace->keep("bert_last_hidden", hidden);
  return (hidden * weight).sum(1) / weight.sum(1);
}

/// lengths [B]: frames to read, zeros where the sequence is shorter.
Tensor Misa::sequence_vector(Recurrent& recurrent, const Sequence& sequence, const Tensor& lengths, const char* name,
                             Trace* trace) {
  auto x = sequence.values;
  if (!x.defined())
    throw ShapeError(fmt::format("misa: the batch has no {}, but the model needs all three modalities", name));
  if (x.size(2) != recurrent.width)
    throw ShapeError(
        fmt::format("{}: {} features per frame, but the model was built for {}", name, x.size(2), recurrent.width),
        "the features come from another extractor or data set than the model's");
  const auto cpu_lengths = lengths.to(torch::kCPU, torch::kInt64);
  const auto longest = cpu_lengths.max().item<std::int64_t>();
  if (x.size(1) < longest) x = torch::constant_pad_nd(x, {0, 0, 0, longest - x.size(1)});
  Tensor normalised;
  auto vector = recurrent.forward(x, cpu_lengths, &normalised);
  if (trace != nullptr) trace->keep(fmt::format("{}_norm", name[0]), normalised);
  return vector;
}

Tensor Misa::similarity(const std::array<Tensor, 3>& shared, Trace* trace) {
  if (config_.similarity == MisaConfig::Similarity::cmd)
    return (moment_discrepancy(shared[0], shared[1]) + moment_discrepancy(shared[0], shared[2]) +
            moment_discrepancy(shared[2], shared[1])) /
           3;
  std::vector<Tensor> logits, domains;
  for (std::size_t m = 0; m < 3; ++m) {
    const auto reversed = reverse_gradient(shared[m], config_.reverse_grad_weight);
    const auto inner = hash_dropout(torch::relu(discriminator1_(reversed)), config_.dropout, is_training());
    logits.push_back(discriminator2_(inner));  // [B, 3]
    domains.push_back(torch::full({shared[m].size(0)}, std::int64_t(m),
                                  torch::TensorOptions(torch::kInt64).device(shared[m].device())));
    if (trace != nullptr) trace->keep(fmt::format("domain_label_{}", kMisaLetter[m]), logits.back());
  }
  return nn::functional::cross_entropy(torch::cat(logits), torch::cat(domains));
}

Output Misa::forward(const Batch& batch, Trace* trace) {
  if (!batch.text_ids.defined())
    throw ShapeError("misa: the batch has no text, but the model needs all three modalities");
  const auto pieces = batch.text_padding.logical_not().sum(1).clamp_min(1);  // [B]
  const bool quirks = config_.reference_quirks;
  const std::array<Tensor, 3> utterance{
      text_vector(batch, trace),
      sequence_vector(vision_, batch.vision, quirks ? pieces : batch.vision.lengths, "vision", trace),
      sequence_vector(audio_, batch.audio, quirks ? pieces : batch.audio.lengths, "audio", trace)};
  std::array<Tensor, 3> own, shared, origin;  // [B, h] each
  Tensor recon;
  for (std::size_t m = 0; m < 3; ++m) {
    auto& part = parts_[m];
    origin[m] = part.project_norm(torch::relu(part.project(utterance[m])));
    own[m] = part.private_encoder(origin[m]).sigmoid();
    shared[m] = shared_(origin[m]).sigmoid();
    const auto rebuilt = part.recon(own[m] + shared[m]);
    const auto term = as_float32(rebuilt - origin[m]).square().mean();  // the target takes gradient too, as published
    recon = recon.defined() ? recon + term : term;
    if (trace == nullptr) continue;
    const char letter = kMisaLetter[m];
    trace->keep(std::string("utterance_") + std::array{"text", "video", "audio"}[m], utterance[m]);
    trace->keep(fmt::format("utt_{}_orig", letter), origin[m]);
    trace->keep(fmt::format("utt_private_{}", letter), own[m]);
    trace->keep(fmt::format("utt_shared_{}", letter), shared[m]);
    trace->keep(fmt::format("utt_{}_recon", letter), rebuilt);
    trace->keep(fmt::format("shared_or_private_p_{}", letter), sp_discriminator_(own[m]));
  }
  const auto six = torch::stack({own[0], own[1], own[2], shared[0], shared[1], shared[2]}, 1);  // [B, 6, h]
  const auto fused = encoder_(six);
  const auto inner = fusion1_(fused.flatten(1));  // [B, 3h]
  const auto score = fusion3_(torch::relu(hash_dropout(inner, config_.dropout, is_training())));
  if (trace != nullptr) {
    trace->keep("shared_or_private_s", sp_discriminator_((shared[0] + shared[1] + shared[2]) / 3));
    trace->keep("fusion_encoder", fused.transpose(0, 1));
    trace->keep("fusion_layer_1", inner);
    trace->keep("M", score);
  }
  const auto difference = difference_loss(own[0], shared[0]) + difference_loss(own[1], shared[1]) +
                          difference_loss(own[2], shared[2]) + difference_loss(own[2], own[0]) +
                          difference_loss(own[2], own[1]) + difference_loss(own[0], own[1]);
  Output output;
  output.score = score.squeeze(1);
  output.terms = {{"diff", difference}, {"sim", similarity(shared, trace)}, {"recon", recon / 3}};
  return output;
}

Losses Misa::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).square().mean();
  const std::array<double, 3> weights{config_.diff_weight, config_.sim_weight, config_.recon_weight};
  Losses losses{task, {{"task", task}}};
  for (std::size_t i = 0; i < weights.size(); ++i) {
    losses.total = losses.total + weights[i] * output.terms[i].second;
    losses.terms.push_back(output.terms[i]);
  }
  return losses;
}

bool Misa::is_padding_invariant() const { return !config_.reference_quirks; }

ModelInfo info() {
  ModelInfo info;
  info.name = "misa";
  info.title = "MISA";
  info.paper = "Hazarika et al., ACM Multimedia 2020";
  info.kind = "ternary symmetric";
  info.year = 2020;
  info.text = TextInput::tokens;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.features = {
      {"text", "utt_t_orig"}, {"vision", "utt_v_orig"}, {"audio", "utt_a_orig"}, {"fused", "fusion_layer_1"}};
  info.idle_parameters = {"bertmodel.model.pooler.", "sp_discriminator.", "tlayer_norm."};
  info.published_names = {{"authors", {{"bertmodel.model.", "bertmodel."}}}};
  info.set_makers<Misa, MisaConfig>();
  return info;
}

}  // namespace kuda::misa
