#pragma once
// A data set in memory: clips with labels, and per modality one packed array that stays memory-mapped.
//
//   const Dataset mosi = open_dataset("mosi_utterance.pkl");     // or a prepared folder
//   const auto train = mosi.rows(Split::train);

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/modality.h"
#include "kuda/metrics/metrics.h"

namespace kuda {

enum class Split { train = 0, valid = 1, test = 2 };
constexpr auto value_names(Split) { return std::array{"train", "valid", "test"}; }
inline constexpr std::array<Split, 3> kSplits{Split::train, Split::valid, Split::test};
[[nodiscard]] std::string_view split_name(Split split) noexcept;
[[nodiscard]] Split split_from(std::string_view name);  ///< throws ConfigError

inline constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

struct Clip {
  std::string video_id, clip_id;  ///< clip_id is text: leading zeros count
  Split split = Split::train;
  std::string text;
  float label = kUnknown;                                            ///< multimodal score in the data set's range
  PerModality<float> unimodal_labels{kUnknown, kUnknown, kUnknown};  ///< NaN = unknown
  /// Scores of its modalities by models that were not trained on it; NaN = none. A run makes them (pretrain.folds), so
  /// no file and no fingerprint of the data holds them.
  PerModality<float> held_out{kUnknown, kUnknown, kUnknown};
  /// "video$_$clip" as published files spell it; the video's name alone where the clip has no number.
  [[nodiscard]] std::string id() const { return clip_id.empty() ? video_id : video_id + "$_$" + clip_id; }
};

enum class Finite { unknown, yes, no };  ///< whether values hold no NaN and no infinity; unknown: nobody looked

/// One modality of all clips, packed along time: frames of clip i are values[offsets[i] .. offsets[i + 1]).
/// Trailing all-zero frames beyond the declared length are not stored; a batch gets them back as zeros. Everything else
/// of the source is kept bit by bit (float64 becomes float32), also frames beyond the declared length, so that every
/// published truncation and mask rule can be applied later.
struct Feature {
  torch::Tensor values;               ///< [sum of stored lengths, D] float32, possibly memory-mapped
  std::vector<std::int64_t> offsets;  ///< N + 1
  std::vector<std::int64_t> lengths;  ///< N, as declared: may be 0, and may be above or below the stored length
  std::int64_t padded_length = 0;     ///< length of the source's padded array; batches are padded to this
  std::string extractor;              ///< "" if unknown; "stand-in: ..." where a file's content is not the modality
  double rate = 0;                    ///< frames per second, 0 = unknown
  Finite finite = Finite::unknown;
  [[nodiscard]] std::int64_t width() const { return values.size(1); }
  /// Frames of clip i, [stored length, D], a view.
  [[nodiscard]] torch::Tensor clip(std::int64_t row) const;
};

struct Dataset {
  std::string name;      ///< "mosi", "sims", ... or the file's stem
  std::string language;  ///< "en", "zh", or ""
  double score_low = -1, score_high = 1;
  MetricFamily family = MetricFamily::sims;
  std::string fingerprint;      ///< SHA-256 of ids, splits, labels and features: names this very data
  std::string source;           ///< file or folder it came from
  std::string source_sha256;    ///< of the source file, "" for folders made by hand
  std::string features_digest;  ///< SHA-256 of the features alone: the part of the fingerprint that costs time
  bool is_synthetic = false;
  bool is_aligned = false;  ///< text, vision and audio share one time axis (one frame per word piece)
  std::vector<Clip> clips;
  std::optional<Feature> text_features;  ///< pre-computed "text" [N, L, 768]
  std::optional<Feature> vision, audio;
  torch::Tensor text_bert;  ///< [N, 3, Lt] int32 (ids, attention mask, segments) or undefined
  [[nodiscard]] std::vector<std::int64_t> rows(Split split) const;
  [[nodiscard]] bool has_unimodal_labels(Modality modality) const;  ///< every clip of the split train has one
  [[nodiscard]] std::optional<Feature>& feature(Modality modality) noexcept {  ///< text -> text_features
    return of_modality(modality, text_features, vision, audio);
  }
  [[nodiscard]] const std::optional<Feature>& feature(Modality modality) const noexcept {
    return of_modality(modality, text_features, vision, audio);
  }
};

/// A published .pkl (MMSA layout) or a prepared folder. Warnings go to the log. Throws FormatError, DataError.
[[nodiscard]] Dataset open_dataset(const std::filesystem::path& path);

/// Rows of vision and audio before those of the first word: one where they lie beside stored word pieces, whose first
/// is [CLS] (the same id in every clip), which no frame belongs to.
[[nodiscard]] std::int64_t rows_before_words(const Dataset& data);

}  // namespace kuda
