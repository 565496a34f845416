#pragma once
// What a model makes of each clip on the way to its score: a vector per modality, and one of their fusion.
//
//   const auto features = collect_features(*model, find_model("kuda"), collate, rows);
//   features.panels.back().values;                // "fused", [N, D]
//   write_features("features.safetensors", features);

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kuda/checkpoint/predict.h"

namespace kuda {

struct FeaturePanel {
  std::string name;      ///< "text", "vision", "audio", "fused", ... as ModelInfo::features names them
  torch::Tensor values;  ///< [N, D] float32, on the CPU; clip by clip as ClipFeatures::clips
};

struct ClipFeatures {
  std::vector<Prediction> clips;
  std::vector<FeaturePanel> panels;
};

/// Runs the model in eval mode and keeps what ModelInfo::features names; a modality that is not in use has no panel.
/// Throws ConfigError where `info` names nothing, CheckpointError where the model traces nothing of it (a pretraining
/// task), DataError naming clips whose features are not finite, and as predict_rows does.
[[nodiscard]] ClipFeatures collect_features(Model& model, const ModelInfo& info, const Collate& collate,
                                            const std::vector<std::int64_t>& rows, const PredictOptions& options = {});

/// Per panel [N, D] float32 under its name, `label` [N] (NaN: unknown), and `ids` in the metadata: a JSON list, in the
/// same order. Atomic.
void write_features(const std::filesystem::path& path, const ClipFeatures& features,
                    std::map<std::string, std::string> metadata = {});

}  // namespace kuda
