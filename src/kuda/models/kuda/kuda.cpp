#include "kuda/models/kuda/kuda.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/data/removal.h"
#include "kuda/models/kuda/knowledge.h"
#include "kuda/nn/own_labels.h"
#include "kuda/tensor/register_at.h"

namespace kuda::kuda_model {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr PerModality<const char*> kPublishedNames{"UniEncKI.enc_t", "UniEncKI.enc_v", "UniEncKI.enc_a"};

std::string with_letter(const char* name, Modality modality) { return fmt::format("{}/{}", name, letter(modality)); }

/// Every modality is aligned to the length of the texts; where there are none, to the longest that is in use.
std::int64_t length_to_align_to(const DataShape& shape) {
  if (shape.length.text > 0) return shape.length.text;
  const auto length =
      std::max(shape.present.vision ? shape.length.vision : 0, shape.present.audio ? shape.length.audio : 0);
  if (length < 1)
    throw ConfigError("KuDA aligns every modality to the text length, but the data give none",
                      "set data.text_length (50 for English, 39 for CH-SIMS)");
  return length;
}

}  // namespace

Kuda::Kuda(const KudaConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config), shape_(shape) {
  check(config);
  shape_.length.text = length_to_align_to(shape);
  PerModality<std::int64_t> widths;
  for (const auto m : kModalities) {
    if (!shape.present[m]) continue;
    unimodal_[m] = register_at(*this, kPublishedNames[m], make_unimodal(m, config, shape, text));
    widths[m] = unimodal_[m]->output_width();
    if (uses_knowledge(config)) unimodal_[m]->freeze_knowledge(true);
  }
  if (children().empty()) throw ConfigError("KuDA needs at least one of text, vision and audio");
  fusion_ = register_module("DyMultiFus", Fusion(config, shape_, widths));
  const auto [first, second] = std::pair(config.output_widths[0], config.output_widths[1]);
  if (config.score != KudaConfig::Score::mean)
    output_ = register_at(
        *this, "CLS.cls_layer",
        nn::Sequential(Linear(config.width, first), nn::GELU(), Linear(first, second), nn::GELU(), Linear(second, 1)));
  if (config.predicts_ratio()) add_selection();
}

void Kuda::add_selection() {
  for (const auto m : kModalities)
    if (!unimodal_[m].is_empty()) unimodal_[m]->add_trust();
  if (config_.score == KudaConfig::Score::fusion) return;
  score_scale_ = register_parameter("score_scale", torch::ones({1}));
  score_offset_ = register_parameter("score_offset", torch::zeros({1}));
  if (config_.score == KudaConfig::Score::mean) return;
  const torch::NoGradGuard no_grad;  // the correction of the mean starts at 0
  for (auto& parameter : output_[output_->size() - 1]->parameters()) parameter.zero_();
}

Output Kuda::forward(const Batch& batch, Trace* trace) {
  Output output;
  FusionContext context;
  ModalityTensors predictions, distances, missing;
  // The common length is the text's; where texts are masked out or absent, all its positions are real.
  const bool has_text = shape_.present.text && batch.text_ids.defined();
  const auto common_length = has_text ? batch.text_ids.size(1) : shape_.length.text;
  if (config_.mask_fusion && has_text) context.padding = batch.text_padding;

  bool is_empty = true;
  for (const auto m : kModalities) {
    if (unimodal_[m].is_empty() || !has_modality(batch, m)) continue;
    is_empty = false;
    const auto part = run_unimodal(m, unimodal_[m], batch);  // U_m [B, l, 2d], y_m [B, 1]
    predictions[m] = part.prediction;
    if (part.prediction.defined()) output.unimodal[m] = part.prediction.squeeze(1);
    if (part.distance.defined()) {
      distances[m] = part.distance;
      missing[m] = missing_clips(batch, m);
    }
    context.aligned[m] = fusion_->align(m, part.features, part.padding, common_length);  // [B, common, D]
    if (trace == nullptr) continue;
    trace->keep(with_letter("uni_fea", m), part.features);
    if (part.prediction.defined()) trace->keep(with_letter("uni_pred", m), part.prediction);
    trace->keep(with_letter("aligned", m), context.aligned[m]);
  }
  if (is_empty) throw ShapeError("the batch holds none of the modalities this model was built for");

  // The label enters only here, and only while training.
  const bool has_label = is_training() && batch.label.defined();
  if (config_.predicts_ratio())
    context.ratio = ratio_of(config_, distances, missing);
  else if (has_label && config_.ratio != KudaConfig::Ratio::none && config_.decoders &&
           config_.fusion == KudaConfig::FusionKind::dynamic)
    context.ratio = sentiment_ratio(config_, predictions, batch.label);
  context.skip_norms = !has_label && config_.ratio_at_test == KudaConfig::RatioAtTest::none;
  const auto fused = fusion_->forward(context, trace);                                    // F^L, [B, common, D]
  const bool is_vector = fused.size(1) != common_length;                                  // tensor and low-rank fusion
  const auto fused_mean = mean_over_time(fused, is_vector ? Tensor() : context.padding);  // f, [B, D]
  auto score = output_->is_empty() ? Tensor() : output_->forward(fused_mean);             // [B, 1]
  if (score_scale_.defined()) score = with_parts(score, context.ratio, predictions, output);
  output.score = score.squeeze(1);

  Tensor contrastive;
  for (const auto m : kModalities) {
    if (!context.aligned[m].defined()) continue;
    const auto aligned_mean = mean_over_time(context.aligned[m], context.padding);  // u^m, [B, D]
    const auto term = contrastive_loss(aligned_mean, fused_mean);
    contrastive = contrastive.defined() ? contrastive + term : term;
    if (trace == nullptr) continue;
    trace->keep(with_letter("u", m), aligned_mean);
    trace->keep(with_letter("nce", m), term);
    const auto one = torch::ones({score.size(0), 1, 1}, score.options());
    if (has_label || context.ratio[m].defined())
      trace->keep(with_letter("ratio", m), context.ratio[m].defined() ? context.ratio[m] : one);
  }
  output.terms.emplace_back("nce", contrastive);
  for (const auto m : kModalities) {
    if (!distances[m].defined()) continue;
    output.ratio[m] = context.ratio[m].flatten();  // [B]
    output.terms.emplace_back(distance_term(m), distances[m].squeeze(1));
  }
  if (trace != nullptr) {
    trace->keep("F", fused);
    trace->keep("f", fused_mean);
    trace->keep("nce", contrastive);
    trace->keep("pred", score);
  }
  return output;
}

Tensor Kuda::with_parts(Tensor score, const ModalityTensors& ratio, const ModalityTensors& predictions,
                        Output& output) {
  score = score.defined() ? score + score_offset_ : score_offset_;
  for (const auto m : kModalities) {
    if (!ratio[m].defined()) continue;
    const auto part = score_scale_ * ratio[m].squeeze(2) * predictions[m];  // [B, 1]
    output.parts[m] = part.squeeze(1);
    score = score + part;
  }
  return score;
}

Tensor Kuda::trust_loss(const Output& output, const Batch& batch) const {
  std::vector<Tensor> errors;
  for (const auto m : kModalities)
    for (const auto& [name, distance] : output.terms)
      if (name == distance_term(m)) errors.push_back(trust_error(config_, distance, output.unimodal[m], batch, m));
  return torch::stack(errors).mean();
}

Losses Kuda::loss(const Output& output, const Batch& batch) {
  const auto difference = output.score - batch.label;
  const auto task =
      config_.task_loss == KudaConfig::TaskLoss::mse ? difference.square().mean() : difference.abs().mean();
  const auto& contrastive = output.terms.front().second;
  // With lambda = 0 the term is reported but stays out of the graph (0 * NaN would poison the total).
  Losses losses{config_.lambda > 0 ? task + config_.lambda * contrastive : task,
                {{"task", task}, {"nce", contrastive}}};
  const auto add = [&](const char* name, double weight, const Tensor& term) {
    losses.total = losses.total + weight * term;
    losses.terms.emplace_back(name, term);
  };
  if (config_.predicts_ratio()) add("trust", config_.trust_weight, trust_loss(output, batch));
  if (config_.own_labels > 0) add("own labels", config_.own_labels, own_label_error(output.unimodal, batch));
  return losses;
}

void Kuda::begin_epoch(std::int64_t epoch, std::int64_t num_epochs) {
  Model::begin_epoch(epoch, num_epochs);
  if (config_.thaw_epochs == 0 || !uses_knowledge(config_)) return;
  for (auto& part : unimodal_)
    if (!part.is_empty()) part->freeze_knowledge(epoch < num_epochs - config_.thaw_epochs);
}

std::vector<ParameterGroup> Kuda::parameter_groups() {
  ParameterGroup main, fresh;
  fresh.lr_scale = config_.partial_lr_scale;
  for (const auto& item : named_parameters()) {
    // What thaws later is the optimiser's from the first step on: it moves nothing that has no gradient.
    if (!item.value().requires_grad() && !(config_.thaw_epochs > 0 && is_knowledge(item.key()))) continue;
    const bool is_fresh = config_.transfer == KudaConfig::Transfer::partial && starts_fresh(item.key());
    (is_fresh ? fresh : main).parameters.push_back(item.value());
  }
  std::vector<ParameterGroup> groups{std::move(main)};
  if (!fresh.parameters.empty()) groups.push_back(std::move(fresh));
  return groups;
}

bool Kuda::is_padding_invariant() const {
  return config_.mask_decoder_mean && config_.mask_alignment && config_.mask_fusion;
}

std::vector<std::string> Kuda::notes() const {
  std::vector<std::string> notes;
  if (config_.ratio_place == KudaConfig::RatioPlace::pre && config_.ratio != KudaConfig::Ratio::none &&
      config_.fusion == KudaConfig::FusionKind::dynamic && config_.score == KudaConfig::Score::fusion)
    notes.emplace_back(
        "kuda.ratio_place = \"pre\": LayerNorm cancels the sentiment ratio, so it has no effect on predictions");
  if (config_.transfer == KudaConfig::Transfer::bridge && uses_knowledge(config_))
    notes.emplace_back(
        "kuda.transfer = \"bridge\": where stage 1 uses other data, its input layers are fitted to bridged features; "
        "standardise features on both sides (data.normalise)");
  return notes;
}

}  // namespace kuda::kuda_model
