#pragma once
// One clip to score, as the caller has it, and what comes back. No LibTorch.
//
//   ClipInput clip;
//   clip.text = "a fine film";
//   clip.vision = Frames{vision_values, 20};          // a span of float, frames x 20, row by row
//   clip.audio = load_frames("audio.npy", Modality::audio);   // predictor/clip_files.h

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/data/cut.h"
#include "kuda/data/modality.h"
#include "kuda/explain/evidence.h"

namespace kuda {

/// Frames of one modality, [frames, width] float32, row by row. Every frame counts: cut off what is padding.
struct Frames {
  std::span<const float> values;
  std::int64_t width = 0;
  std::shared_ptr<const void> owner{};  ///< keeps the values; without one the caller does, until the call has returned
  [[nodiscard]] std::int64_t length() const noexcept {
    return width > 0 ? static_cast<std::int64_t>(values.size()) / width : 0;
  }
};

/// Frames that keep their own values.
[[nodiscard]] Frames own_frames(std::vector<float> values, std::int64_t width);

/// Whatever is left out, or empty, is missing, and so is a text without a word, of white space alone: the model then
/// sees what it sees of such a clip in a data set (one frame of zeros marked missing; of a text only [CLS] and [SEP]).
struct ClipInput {
  std::string id{};                                          ///< for answers and messages; may be empty
  std::optional<std::string> text{};                         ///< UTF-8, for models that read word pieces
  std::vector<std::int64_t> token_ids{};                     ///< instead of a text: [CLS] first and [SEP] last
  std::optional<Frames> text_features{}, vision{}, audio{};  ///< text_features: for models that read text so
  std::string clip{};           ///< instead of all this: id of a clip of the predictor's data (PredictorOptions::data)
  PerModality<bool> without{};  ///< left out, as if the clip lacked it
  [[nodiscard]] std::optional<Frames>& frames(Modality modality) noexcept {  ///< text -> text_features
    return of_modality(modality, text_features, vision, audio);
  }
  [[nodiscard]] const std::optional<Frames>& frames(Modality modality) const noexcept {
    return of_modality(modality, text_features, vision, audio);
  }
  /// Given here and not left out; what a clip of the data has only the predictor knows.
  [[nodiscard]] bool has(Modality modality) const noexcept;
  /// The clip without that modality, as if it lacked it: clip.leave_out(Modality::vision).
  ClipInput& leave_out(Modality modality) noexcept;
};

/// ClipInput::clip names none of the predictor's data, or it has no data.
class NoSuchClip : public DataError {
 public:
  using DataError::DataError;
};

/// A clip of the predictor's data, which ClipInput::clip may name.
struct DataClip {
  std::string id, split, text;  ///< split: "train", "valid" or "test"
  std::optional<float> label{};
  PerModality<std::optional<float>> unimodal_labels{};
};

struct ClipScore {
  std::string id;                                ///< ClipInput::id, or ClipInput::clip where that is empty
  float score = 0;                               ///< in the score range of the data the model was trained on
  bool outside_range = false;                    ///< beyond that range, where no label can be
  PerModality<bool> far_input{};                 ///< frames ten times as large as any in training
  PerModality<std::optional<float>> unimodal{};  ///< what the model's own decoders say of what is there
  /// The weights that the model predicts, 0 for what the clip lacks, and what of the score is the part of each modality
  /// that is there (models/model.h). The parts and the correction add up to the score. None where the model has none.
  PerModality<std::optional<float>> ratio{}, parts{};
  std::optional<float> correction{};
  /// Around the score. None without a calibration, where there were too few clips for the level, and for a clip that
  /// lacks a modality the model reads: the errors behind the interval are those of validation clips that had it.
  std::optional<ScoreInterval> interval{};
  std::optional<Modality> leading{};  ///< whose own score is nearest to the score; none without unimodal scores
  Cuts cut{};                         ///< what the model did not see, of modalities that are longer than it reads
  std::int64_t batch_clips = 0;       ///< clips that went through the model with it
  double seconds = 0;                 ///< wall time of that batch: preparing it and the model
};

struct ClipExplanation {
  ClipScore clip;                                  ///< `seconds` covers the explanation
  PerModality<std::optional<double>> without{};    ///< the score when it is missing
  PerModality<std::optional<double>> share{};      ///< with how much norm it enters the fusion (explain/explain.h)
  PerEvidence<std::optional<Modality>> leading{};  ///< none where the model gives no such evidence
  struct Attention {
    std::int64_t rows = 0, columns = 0;  ///< text positions, positions of the modality
    std::vector<float> weights;          ///< row by row
  };
  PerModality<std::optional<Attention>> attention{};  ///< when asked for and where the model has it
  /// Word pieces that the model read, [CLS] first and [SEP] last; empty for models that read none. Where a map has as
  /// many rows, they are these.
  std::vector<std::string> tokens{};
};

}  // namespace kuda
