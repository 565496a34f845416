#pragma once
// MMIM (Han, Chen, Poria, EMNLP 2021): late fusion that keeps the mutual information between modalities, and between
// modalities and fusion, high. Two phases an epoch: first the networks that estimate it, then the rest.
//
//   auto model = find_model("mmim").make(config, shape, encoder);
//   const Output output = model->forward(batch, nullptr);     // score [B]

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "kuda/models/mmim/config.h"
#include "kuda/models/mmim/information.h"
#include "kuda/models/model.h"
#include "kuda/tensor/linear.h"

namespace kuda::mmim {

/// Last LSTM states of a modality, dropout, linear. Names rnn, linear_1; published name: RNNEncoder.
class StatesEncoderImpl : public torch::nn::Module {
 public:
  StatesEncoderImpl(const MmimConfig& config, std::int64_t input, std::int64_t hidden, std::int64_t output,
                    double dropout);
  /// values [B, L, D], lengths [B] -> [B, output]; `states`, if given, receives the states.
  torch::Tensor forward(const torch::Tensor& values, const torch::Tensor& lengths, torch::Tensor* states);

 private:
  double dropout_;
  std::int64_t directions_, layer_;
  torch::nn::LSTM rnn_{nullptr};
  Linear linear_{nullptr};
};
TORCH_MODULE(StatesEncoder);

/// State names as MMSA's: bertmodel.model, visual_enc, acoustic_enc, mi_{tv,ta,va}, cpc_{zt,zv,za}, fusion_prj.
class Mmim final : public Model {
 public:
  Mmim(const MmimConfig& config, const DataShape& shape, const TextEncoder& text);
  Output forward(const Batch& batch, Trace* trace) override;
  Losses loss(const Output& output, const Batch& batch) override;
  std::vector<ParameterGroup> parameter_groups() override;
  [[nodiscard]] bool is_padding_invariant() const override { return true; }
  [[nodiscard]] bool is_saved(std::string_view name) const override;
  void begin_training(const TrainingFacts& facts) override;
  [[nodiscard]] std::int64_t num_phases() const override { return config_.contrast ? 2 : 1; }
  void begin_phase(std::int64_t phase, bool is_continued) override;
  [[nodiscard]] std::int64_t phase_steps(std::int64_t phase, std::int64_t steps) const override;
  void after_backward(const Output& output, const Batch& batch) override;
  [[nodiscard]] bool has_independent_batches() const override { return !config_.contrast; }  ///< the memory

 private:
  /// x -> y, as indices of the encoded modalities text, vision, audio.
  struct Pair {
    const char* name = "";
    std::size_t x = 0, y = 0;
    InformationBound bound{nullptr};
  };
  [[nodiscard]] bool is_bound_phase() const { return config_.contrast && phase_ == 0; }
  [[nodiscard]] std::int64_t memory_step() const;
  void add_information(Output& output, const std::array<torch::Tensor, 3>& encoded, const torch::Tensor& fused,
                       const Batch& batch, Trace* trace);

  MmimConfig config_;
  std::int64_t phase_ = 1;
  Bert bert_{nullptr};
  StatesEncoder vision_{nullptr}, audio_{nullptr};
  std::vector<Pair> pairs_;
  std::array<ContrastiveTerm, 3> contrast_{nullptr, nullptr, nullptr};  ///< text, vision, audio
  Linear fusion1_{nullptr}, fusion2_{nullptr}, fusion3_{nullptr};
  torch::Tensor memory_step_;  ///< [1] int64: batches of this epoch's second phase
};

[[nodiscard]] ModelInfo info();

}  // namespace kuda::mmim
