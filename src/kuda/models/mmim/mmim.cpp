#include "kuda/models/mmim/mmim.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/nn/recurrent.h"
#include "kuda/tensor/dropout.h"
#include "kuda/tensor/register_at.h"

namespace kuda::mmim {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr std::array<char, 3> kMmimLetters{'t', 'v', 'a'};
constexpr std::array<const char*, 2> kMmimSigns{"pos", "neg"};

const Tensor& term_of(const Output& output, const std::string& name) {
  for (const auto& [key, value] : output.terms)
    if (key == name) return value;
  static const Tensor none;
  return none;
}

std::string sample_term(const char* pair, std::size_t side) {
  return fmt::format("samples/{}/{}", pair, kMmimSigns[side]);
}

}  // namespace

StatesEncoderImpl::StatesEncoderImpl(const MmimConfig& config, std::int64_t input, std::int64_t hidden,
                                     std::int64_t output, double dropout)
    : dropout_(config.layers > 1 ? dropout : 0),
      directions_(config.bidirectional ? 2 : 1),
      layer_(config.reference_quirks ? 0 : config.layers - 1) {
  rnn_ = register_module("rnn", nn::LSTM(nn::LSTMOptions(input, hidden)
                                             .num_layers(config.layers)
                                             .bidirectional(config.bidirectional)
                                             .dropout(dropout_)
                                             .batch_first(true)));
  linear_ = register_module("linear_1", Linear(directions_ * hidden, output));
}

Tensor StatesEncoderImpl::forward(const Tensor& values, const Tensor& lengths, Tensor* states) {
  const auto all = final_states(rnn_, values, lengths);  // [layers * directions, B, hidden]
  const auto of_layer = all.slice(0, layer_ * directions_, (layer_ + 1) * directions_);
  const auto joined = torch::cat(of_layer.unbind(0), 1);  // [B, directions * hidden]
  if (states != nullptr) *states = joined;
  return linear_(hash_dropout(joined, dropout_, is_training()));
}

Mmim::Mmim(const MmimConfig& config, const DataShape& shape, const TextEncoder& text) : config_(config) {
  for (const bool is_present : shape.present)
    if (!is_present)
      throw ConfigError("MMIM needs all three modalities: it bounds the information that text shares with the others",
                        "use modalities text, vision and audio, or another model");
  if (config.reference_quirks && config.layers > 1 && !config.bidirectional)
    throw ConfigError("mmim.layers > 1 without mmim.bidirectional never worked in the published code",
                      "set mmim.reference_quirks = false");
  bert_ = register_at(*this, "bertmodel.model", Bert(text.bert));
  if (!text.folder.empty()) load_bert_weights(*bert_, text.folder);
  vision_ = register_module("visual_enc", StatesEncoder(config, shape.width.vision, config.vision_hidden,
                                                        config.vision_out, config.dropout_vision));
  audio_ = register_module("acoustic_enc", StatesEncoder(config, shape.width.audio, config.audio_hidden,
                                                         config.audio_out, config.dropout_audio));
  const std::array<std::int64_t, 3> widths{text.bert.hidden_size, config.vision_out, config.audio_out};
  pairs_ = {{"tv", 0, 1}, {"ta", 0, 2}};
  if (config.vision_audio) pairs_.push_back({"va", 1, 2});
  for (auto& pair : pairs_)
    pair.bound =
        register_module(fmt::format("mi_{}", pair.name), InformationBound(config, widths[pair.x], widths[pair.y]));
  for (std::size_t m = 0; m < 3; ++m)
    contrast_[m] = register_module(fmt::format("cpc_z{}", kMmimLetters[m]), ContrastiveTerm(config, widths[m]));
  fusion1_ = register_at(*this, "fusion_prj.linear_1", Linear(widths[0] + widths[1] + widths[2], config.fusion_width));
  fusion2_ = register_at(*this, "fusion_prj.linear_2", Linear(config.fusion_width, config.fusion_width));
  fusion3_ = register_at(*this, "fusion_prj.linear_3", Linear(config.fusion_width, 1));
  for (auto& item : named_parameters())  // the published trainer draws every matrix outside BERT again
    if (!item.key().starts_with("bertmodel.") && item.value().dim() > 1) nn::init::xavier_normal_(item.value());
}

Output Mmim::forward(const Batch& batch, Trace* trace) {
  const auto hidden = bert_->forward(batch.text_ids, batch.text_segments, batch.text_padding).back();  // [B, Lt, D]
  const auto words = batch.text_padding.logical_not().sum(1);
  const auto lengths = [&](const Sequence& sequence) {
    return config_.lengths_of_text ? words.clamp_max(sequence.values.size(1)) : sequence.lengths;
  };
  Tensor vision_states, audio_states;
  const std::array<Tensor, 3> encoded{hidden.select(1, 0),
                                      vision_(batch.vision.values, lengths(batch.vision), &vision_states),
                                      audio_(batch.audio.values, lengths(batch.audio), &audio_states)};
  const auto joined = torch::cat({encoded[0], encoded[2], encoded[1]}, 1);  // text, audio, vision
  const auto first = fusion1_(hash_dropout(joined, config_.dropout_fusion, is_training())).tanh();
  const auto fused = fusion2_(first).tanh();  // [B, F]
  Output output;
  output.score = fusion3_(fused).squeeze(1);
  if (trace != nullptr) {
    trace->keep("bert_last", hidden);
    trace->keep("vision_rnn_h", vision_states);
    trace->keep("audio_rnn_h", audio_states);
    for (std::size_t m = 0; m < 3; ++m) trace->keep(fmt::format("Feature_{}", kMmimLetters[m]), encoded[m]);
    trace->keep("Feature_f", fused);
  }
  if (config_.contrast && (is_training() || trace != nullptr)) add_information(output, encoded, fused, batch, trace);
  return output;
}

void Mmim::add_information(Output& output, const std::array<Tensor, 3>& encoded, const Tensor& fused,
                           const Batch& batch, Trace* trace) {
  Tensor bound, contrast, entropy;
  const auto add = [](Tensor& sum, const Tensor& term) { sum = sum.defined() ? sum + term : term; };
  const bool is_main_phase = is_training() && !is_bound_phase();
  for (auto& pair : pairs_) {
    const auto &x = encoded[pair.x], &y = encoded[pair.y];
    add(bound, pair.bound->forward(x, y, pair.name, trace));
    if (!is_main_phase || !pair.bound->has_memory()) continue;
    const auto samples = pair.bound->samples(y, batch.label);
    for (std::size_t side = 0; side < 2; ++side) output.terms.emplace_back(sample_term(pair.name, side), samples[side]);
    if (memory_step() < config_.memory) continue;  // not full yet
    const auto term = pair.bound->entropy(samples);
    if (trace != nullptr) trace->keep(fmt::format("H_{}", pair.name), term);
    add(entropy, term);
  }
  output.terms.emplace_back("lld", bound);
  if (entropy.defined()) output.terms.emplace_back("entropy", entropy);
  if (is_training() && !is_main_phase) return;
  for (std::size_t m = 0; m < 3; ++m) {
    const auto term = contrast_[m]->forward(encoded[m], fused);
    if (trace != nullptr) trace->keep(fmt::format("nce_{}", kMmimLetters[m]), term);
    add(contrast, term);
  }
  output.terms.emplace_back("nce", contrast);
}

Losses Mmim::loss(const Output& output, const Batch& batch) {
  const auto task = (output.score - batch.label).abs().mean();
  if (!is_training() || !config_.contrast) return {task, {{"task", task}}};
  const auto& bound = term_of(output, "lld");
  if (is_bound_phase()) return {-bound, {{"lld", bound}}};
  const auto& contrast = term_of(output, "nce");
  const auto& entropy = term_of(output, "entropy");
  Losses losses{task + config_.alpha * contrast - config_.beta * bound,
                {{"task", task}, {"nce", contrast}, {"lld", bound}}};
  if (!entropy.defined()) return losses;
  losses.terms.emplace_back("entropy", entropy);
  // The batch that finds the memory full for the first time does not use it yet, as published.
  if (memory_step() > config_.memory) losses.total = losses.total - config_.beta * entropy;
  return losses;
}

std::vector<ParameterGroup> Mmim::parameter_groups() {
  const auto group = [](double lr, double decay, std::int64_t phase) {
    ParameterGroup result;
    result.lr = lr;
    result.weight_decay = decay;
    result.phase = phase;
    return result;
  };
  const std::int64_t main_phase = config_.contrast ? 1 : 0;
  std::vector<ParameterGroup> groups{group(config_.lr_bound, config_.decay_bound, 0),
                                     group(config_.lr_text, config_.decay_text, main_phase),
                                     group(config_.lr_main, config_.decay_main, main_phase)};
  groups[0].is_scheduled = false;  // as published: the plateau lowers the rates of the main phase only
  for (const auto& item : named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const std::size_t index = item.key().starts_with("mi_") ? 0 : item.key().starts_with("bertmodel.") ? 1 : 2;
    groups[index].parameters.push_back(item.value());
  }
  return groups;
}

bool Mmim::is_saved(std::string_view name) const { return name.find("memory") == std::string_view::npos; }

void Mmim::begin_training(const TrainingFacts& facts) {
  const auto device = fusion3_->weight.device();
  for (auto& pair : pairs_) pair.bound->begin_training(config_.memory, facts.batch_size, device);
  const auto zero = torch::zeros({1}, torch::kInt64);
  if (memory_step_.defined())
    memory_step_.set_data(zero);
  else
    memory_step_ = register_buffer("memory_step", zero);
}

std::int64_t Mmim::memory_step() const { return memory_step_.defined() ? memory_step_.item<std::int64_t>() : 0; }

void Mmim::begin_phase(std::int64_t phase, bool is_continued) {
  phase_ = phase;
  if (!is_bound_phase() && !is_continued && memory_step_.defined()) memory_step_.zero_();
}

std::int64_t Mmim::phase_steps(std::int64_t phase, std::int64_t steps) const {
  if (!config_.contrast || phase != 0) return steps;
  return std::int64_t(std::ceil(config_.bound_share * double(steps)));
}

void Mmim::after_backward(const Output& output, const Batch&) {
  if (is_bound_phase() || !config_.contrast || !memory_step_.defined()) return;
  const auto slot = memory_step() % config_.memory;
  for (auto& pair : pairs_)
    pair.bound->store(slot, {term_of(output, sample_term(pair.name, 0)), term_of(output, sample_term(pair.name, 1))});
  memory_step_.add_(1);
}

ModelInfo info() {
  ModelInfo info;
  info.name = "mmim";
  info.title = "MMIM";
  info.paper = "Han et al., EMNLP 2021";
  info.kind = "text centre";
  info.year = 2021;
  info.text = TextInput::tokens;
  info.reference = "thuiar/MMSA a94e65d (MIT)";
  info.features = {{"text", "Feature_t"}, {"vision", "Feature_v"}, {"audio", "Feature_a"}, {"fused", "Feature_f"}};
  info.state = "samples of the last batches, by the sign of their label";
  info.idle_parameters = {"bertmodel.model.pooler.", ".entropy_prj."};
  info.published_names = {{"authors", {{"bertmodel.model.", "text_enc.bertmodel."}}}};
  info.set_makers<Mmim, MmimConfig>();
  return info;
}

}  // namespace kuda::mmim
