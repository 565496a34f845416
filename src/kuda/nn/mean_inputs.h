#pragma once
// How TFN and LMF read a batch: audio and vision as means over time, text through an LSTM.
//
//   encoders_ = MeanEncoders(*this, options, shape, text.bert, text.folder);     // in the model's constructor
//   const MeanInputs x = encoders_.encode(batch);                                // x.audio [B, 1 + Ha], ...

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kuda/nn/subnets.h"
#include "kuda/nn/text_features.h"

namespace kuda {

struct MeanEncoderOptions {
  std::int64_t audio_hidden = 0, vision_hidden = 0, text_hidden = 0, text_out = 0;
  double dropout_audio = 0, dropout_vision = 0, dropout_text = 0;
  /// As the published code: means as its loader makes them (loader_time_mean), the LSTM's state after the padding, no
  /// text dropout. Otherwise padding is left out of both and text dropout works.
  bool reference_quirks = true;
};

/// Why both models score on when a frame is NaN (ModelInfo::exceptions).
inline constexpr const char* kNanMeansZero =
    "with reference_quirks a mean over time that is NaN becomes 0, as in the published loader";

struct MeanInputs {
  /// [B, 1 + width], first column 1; [B, 1] where the model was built without the modality.
  torch::Tensor audio, vision, text;
  /// What the published code calls Feature_a, Feature_v, Feature_t (without the 1), and what leads to them: audio_mean,
  /// vision_mean, audio_norm, vision_norm [B, D], text_lstm_h [B, Ht].
  std::vector<std::pair<std::string, torch::Tensor>> intermediates;
};

class MeanEncoders {
 public:
  MeanEncoders() = default;
  /// Joins `owner` under the published names audio_subnet, video_subnet, text_subnet, in this order; a modality that is
  /// not present in `shape` gets no encoder.
  MeanEncoders(torch::nn::Module& owner, const MeanEncoderOptions& options, const DataShape& shape,
               const BertConfig& bert, const std::string& folder);
  /// A modality that the batch lacks though the model has it counts as zeros. Throws ShapeError when none is left, or
  /// when a feature has another width than the model's.
  [[nodiscard]] MeanInputs encode(const Batch& batch);
  /// 1 + hidden width, or 1 where absent.
  [[nodiscard]] std::int64_t audio_width() const noexcept { return audio_width_; }
  [[nodiscard]] std::int64_t vision_width() const noexcept { return vision_width_; }
  [[nodiscard]] std::int64_t text_width() const noexcept { return text_width_; }

 private:
  torch::Tensor average(const Sequence& sequence, bool is_audio) const;
  MeanEncoderOptions options_;
  std::int64_t audio_width_ = 1, vision_width_ = 1, text_width_ = 1;
  FeatureSubnet audio_{nullptr}, vision_{nullptr};
  TextSubnet text_{nullptr};
  std::shared_ptr<TextFeatures> text_features_;
};

}  // namespace kuda
