#pragma once
// Whisper (Radford et al. 2022) from a Hugging Face folder; state-dict names equal those of transformers' WhisperModel.
//
//   Whisper whisper = load_whisper("whisper-tiny.en");
//   auto heard = whisper->hear(log_mel(samples, mel_filters(whisper->config().num_mel_bins)));
//   const auto logits = whisper->next({50257, 50362}, heard);        // then whisper->next({chosen}, heard), ...

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "kuda/extract/speech/half_weight.h"

namespace kuda {

struct WhisperConfig {
  std::int64_t vocab_size = 51865, num_mel_bins = 80, d_model = 384;
  std::int64_t encoder_layers = 4, encoder_attention_heads = 6, encoder_ffn_dim = 1536;
  std::int64_t decoder_layers = 4, decoder_attention_heads = 6, decoder_ffn_dim = 1536;
  std::int64_t max_source_positions = 1500, max_target_positions = 448;
  /// From config.json; null or absent means the default. Throws FormatError (unreadable), DataError (not a Whisper, or
  /// sizes that cannot be), naming file, key, expected and found.
  static WhisperConfig load(const std::filesystem::path& folder);
};

/// One window as the decoder reads it: keys and values of the sound, and of the pieces so far.
struct HeardWindow {
  using KeysAndValues = std::pair<torch::Tensor, torch::Tensor>;  ///< each [1, H, L, Dh]
  std::vector<KeysAndValues> sound, pieces;                       ///< of each layer
  torch::Tensor states;                                           ///< of the encoder, [1, L, D]
  std::int64_t count = 0;                                         ///< pieces so far
};

struct WhisperBlockImpl;

class WhisperImpl : public torch::nn::Module {
 public:
  /// `type`: of the weights that are used one row at a time (half_weight.h).
  explicit WhisperImpl(const WhisperConfig& config, torch::ScalarType type = torch::kFloat32);
  /// Log-mel [1, mel_bins, 2 L] with L up to max_source_positions -> states [1, L, D], 50 a second.
  torch::Tensor encode(const torch::Tensor& mel);
  HeardWindow hear(const torch::Tensor& mel);
  /// Adds pieces, and gives the logits [V] of the one that follows. `attention`, if given, receives for each layer the
  /// weights of the last piece over the sound, [H, L].
  torch::Tensor next(const std::vector<std::int64_t>& ids, HeardWindow& heard,
                     std::vector<torch::Tensor>* attention = nullptr);
  [[nodiscard]] const WhisperConfig& config() const noexcept { return config_; }

 private:
  WhisperConfig config_;
  torch::nn::Conv1d conv1_{nullptr}, conv2_{nullptr};
  torch::nn::Embedding source_positions_{nullptr}, target_positions_{nullptr};
  PieceTable pieces_{nullptr};
  torch::nn::LayerNorm encoder_norm_{nullptr}, decoder_norm_{nullptr};
  std::vector<std::shared_ptr<WhisperBlockImpl>> encoder_, decoder_;
};
TORCH_MODULE(Whisper);

/// With the folder's weights in float32, prepared for scoring. Throws CheckpointError naming the first differences.
[[nodiscard]] Whisper load_whisper(const std::filesystem::path& folder);

}  // namespace kuda
