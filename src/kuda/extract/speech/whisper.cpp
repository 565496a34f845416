#include "kuda/extract/speech/whisper.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_place.h"
#include "kuda/io/weights_folder.h"
#include "kuda/tensor/attention.h"
#include "kuda/tensor/register_at.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/zero_initial_values.h"

namespace kuda {

using torch::Tensor;
namespace nn = torch::nn;

namespace {

constexpr const char* kWhisperFolder =
    "a speech recogniser is a Whisper folder in Hugging Face layout: config.json, tokenizer.json or vocab.json, "
    "weights";

}  // namespace

WhisperConfig WhisperConfig::load(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  if (!std::filesystem::exists(path))
    throw CheckpointError(folder.string() + ": no config.json in this folder", kWhisperFolder);
  const auto json = nlohmann::ordered_json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw FormatError(path.string() + ": not a JSON object");
  const JsonPlace root(json, path.string());
  const auto has = [&](const char* key) { return json.contains(key) && !json[key].is_null(); };
  const auto expect = [&](const char* key, const nlohmann::ordered_json& value) {  // others compute something else
    if (has(key) && json[key] != value) root.at(key).expected(value.dump());
  };
  expect("model_type", "whisper");
  expect("activation_function", "gelu");
  expect("scale_embedding", false);
  expect("tie_word_embeddings", true);
  WhisperConfig config;
  const std::tuple<const char*, std::int64_t*, std::int64_t> sizes[] = {
      {"vocab_size", &config.vocab_size, 1'000'000},
      {"num_mel_bins", &config.num_mel_bins, 1024},
      {"d_model", &config.d_model, 16384},
      {"encoder_layers", &config.encoder_layers, 256},
      {"encoder_attention_heads", &config.encoder_attention_heads, 256},
      {"encoder_ffn_dim", &config.encoder_ffn_dim, 65536},
      {"decoder_layers", &config.decoder_layers, 256},
      {"decoder_attention_heads", &config.decoder_attention_heads, 256},
      {"decoder_ffn_dim", &config.decoder_ffn_dim, 65536},
      {"max_source_positions", &config.max_source_positions, 100'000},
      {"max_target_positions", &config.max_target_positions, 100'000}};
  for (const auto& [key, size, most] : sizes) {
    if (has(key)) *size = root.at(key).whole();
    if (*size < 1 || *size > most) root.at(key).expected(fmt::format("a whole number from 1 to {}", most));
  }
  for (const auto& [heads, key] : {std::pair(config.encoder_attention_heads, "encoder_attention_heads"),
                                   std::pair(config.decoder_attention_heads, "decoder_attention_heads")})
    if (config.d_model % heads != 0)
      throw DataError(
          fmt::format("{}: {}: {} heads do not divide d_model {}", path.string(), key, heads, config.d_model));
  if (config.max_source_positions < 50 || config.max_target_positions < 16)
    throw DataError(
        fmt::format("{}: expected max_source_positions from 50 (a second) and max_target_positions from 16, "
                    "found {} and {}",
                    path.string(), config.max_source_positions, config.max_target_positions));
  return config;
}

/// A layer of the encoder, or of the decoder, which also reads the sound.
struct WhisperBlockImpl : nn::Module {
  struct Attention {
    StepLinear query{nullptr}, key{nullptr}, value{nullptr}, out{nullptr};
    nn::LayerNorm norm{nullptr};
  };

  WhisperBlockImpl(std::int64_t width, std::int64_t head_count, std::int64_t inner, bool reads_sound,
                   torch::ScalarType type)
      : heads(head_count) {
    const auto rows = reads_sound ? Rows::few : Rows::many;  // the decoder says piece after piece ...
    const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out, Rows count, bool bias = true) {
      return register_at(*this, name, StepLinear(nn::LinearOptions(in, out).bias(bias), count, type));
    };
    const auto attention = [&](const std::string& name, Rows source) {
      Attention made;
      made.query = linear(name + ".q_proj", width, width, rows);
      made.key = linear(name + ".k_proj", width, width, source, /*bias=*/false);
      made.value = linear(name + ".v_proj", width, width, source);
      made.out = linear(name + ".out_proj", width, width, rows);
      made.norm = register_at(*this, name + "_layer_norm", nn::LayerNorm(nn::LayerNormOptions({width})));
      return made;
    };
    self = attention("self_attn", rows);
    if (reads_sound) sound = attention("encoder_attn", Rows::many);  // ... but takes in the sound at once
    up = linear("fc1", width, inner, rows);
    down = linear("fc2", inner, width, rows);
    norm = register_at(*this, "final_layer_norm", nn::LayerNorm(nn::LayerNormOptions({width})));
  }

  /// x [1, L, D] -> each [1, H, L, Dh]
  HeardWindow::KeysAndValues keys_and_values(Attention& of, const Tensor& x) const {
    return {split_heads(of.key(x), heads), split_heads(of.value(x), heads)};
  }
  Tensor read(Attention& of, const Tensor& x, const HeardWindow::KeysAndValues& source, const Tensor& visible,
              Tensor* weights = nullptr) const {
    return of.out(
        merge_heads(attend_visible(split_heads(of.query(x), heads), source.first, source.second, visible, 0, weights)));
  }
  Tensor feed_forward(const Tensor& x) { return x + down(torch::gelu(up(norm(x)))); }

  std::int64_t heads;
  Attention self, sound;
  StepLinear up{nullptr}, down{nullptr};
  nn::LayerNorm norm{nullptr};
};

WhisperImpl::WhisperImpl(const WhisperConfig& config, torch::ScalarType type) : config_(config) {
  const auto d = config.d_model;
  conv1_ = register_at(*this, "encoder.conv1", nn::Conv1d(nn::Conv1dOptions(config.num_mel_bins, d, 3).padding(1)));
  conv2_ = register_at(*this, "encoder.conv2", nn::Conv1d(nn::Conv1dOptions(d, d, 3).stride(2).padding(1)));
  source_positions_ = register_at(*this, "encoder.embed_positions", nn::Embedding(config.max_source_positions, d));
  encoder_norm_ = register_at(*this, "encoder.layer_norm", nn::LayerNorm(nn::LayerNormOptions({d})));
  pieces_ = register_at(*this, "decoder.embed_tokens", PieceTable(config.vocab_size, d, type));
  target_positions_ = register_at(*this, "decoder.embed_positions", nn::Embedding(config.max_target_positions, d));
  decoder_norm_ = register_at(*this, "decoder.layer_norm", nn::LayerNorm(nn::LayerNormOptions({d})));
  for (std::int64_t i = 0; i < config.encoder_layers; ++i)
    encoder_.push_back(register_at(
        *this, fmt::format("encoder.layers.{}", i),
        std::make_shared<WhisperBlockImpl>(d, config.encoder_attention_heads, config.encoder_ffn_dim, false, type)));
  for (std::int64_t i = 0; i < config.decoder_layers; ++i)
    decoder_.push_back(register_at(
        *this, fmt::format("decoder.layers.{}", i),
        std::make_shared<WhisperBlockImpl>(d, config.decoder_attention_heads, config.decoder_ffn_dim, true, type)));
}

Tensor WhisperImpl::encode(const Tensor& mel) {
  auto x = torch::gelu(conv2_(torch::gelu(conv1_(mel)))).transpose(1, 2);  // [1, L, D]
  x = x + source_positions_->weight.slice(0, 0, x.size(1));
  for (const auto& layer : encoder_) {
    const auto normed = layer->self.norm(x);
    x = x + layer->read(layer->self, normed, layer->keys_and_values(layer->self, normed), {});
    x = layer->feed_forward(x);
  }
  return encoder_norm_(x);
}

HeardWindow WhisperImpl::hear(const Tensor& mel) {
  HeardWindow heard;
  heard.states = encode(mel);
  for (const auto& layer : decoder_) heard.sound.push_back(layer->keys_and_values(layer->sound, heard.states));
  heard.pieces.resize(decoder_.size());
  return heard;
}

Tensor WhisperImpl::next(const std::vector<std::int64_t>& ids, HeardWindow& heard, std::vector<Tensor>* attention) {
  const auto first = heard.count, length = std::int64_t(ids.size());
  heard.count += length;
  auto x = pieces_(torch::tensor(ids)).unsqueeze(0);  // [1, L, D]
  x = x + target_positions_->weight.slice(0, first, heard.count);
  // Each piece sees those before it and itself.
  const auto visible = length > 1 ? torch::ones({length, heard.count}, torch::kBool).tril(first) : Tensor();
  if (attention != nullptr) attention->clear();
  for (std::size_t i = 0; i < decoder_.size(); ++i) {
    auto& layer = *decoder_[i];
    const auto normed = layer.self.norm(x);
    auto added = layer.keys_and_values(layer.self, normed);
    auto& all = heard.pieces[i];
    all = first == 0 ? added
                     : HeardWindow::KeysAndValues{torch::cat({all.first, added.first}, 2),
                                                  torch::cat({all.second, added.second}, 2)};
    x = x + layer.read(layer.self, normed, all, visible);
    Tensor weights;
    x = x + layer.read(layer.sound, layer.sound.norm(x), heard.sound[i], {}, attention != nullptr ? &weights : nullptr);
    if (attention != nullptr) attention->push_back(weights.select(2, -1).squeeze(0));  // [H, L]
    x = layer.feed_forward(x);
  }
  return pieces_->logits(decoder_norm_(x.select(1, -1)).view(-1));
}

Whisper load_whisper(const std::filesystem::path& folder) {
  const torch::NoGradGuard no_grad;
  const auto config = WhisperConfig::load(folder);
  auto whisper = [&] {
    const auto file = io::read_weights_folder(folder, kWhisperFolder);
    const bool is_half =
        has_half_products() && std::all_of(file.arrays.begin(), file.arrays.end(),
                                           [](const auto& item) { return item.second.dtype == io::DType::f16; });
    auto made = [&] {
      const ZeroInitialValues zeros;
      return Whisper(config, is_half ? torch::kHalf : torch::kFloat32);
    }();
    LoadOptions options;
    options.rename = [](std::string_view name) -> std::string {
      if (name.ends_with("proj_out.weight")) return {};  // the pieces' table once more
      for (const char* side : {"encoder.", "decoder."})  // whatever a wrapper put before them: "", "model.", ...
        if (const auto at = ("." + std::string(name)).find("." + std::string(side)); at != std::string::npos)
          return std::string(name.substr(at));
      return std::string(name);
    };
    load_state(*made, file, options);
    return made;  // the file's pages go before weights are put into another form
  }();
  whisper->eval();
  for (auto& parameter : whisper->parameters()) parameter.set_requires_grad(false);
  prepare_for_scoring(*whisper, Precision::fp32);
  return whisper;
}

}  // namespace kuda
