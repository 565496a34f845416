#include "kuda/reports/clip_features.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

void require_finite(const FeaturePanel& panel, const std::vector<Prediction>& clips) {
  const auto finite = panel.values.isfinite().all(1).contiguous();  // [N]
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < clips.size(); ++i)
    if (!finite.const_data_ptr<bool>()[i]) ids.push_back(clips[i].id);
  if (!ids.empty())
    throw DataError(
        fmt::format("{}: the features of {} clips are not finite: {}", panel.name, ids.size(), list_ids(ids)),
        "`kuda data check` finds NaN and infinities in the data");
}

}  // namespace

ClipFeatures collect_features(Model& model, const ModelInfo& info, const Collate& collate,
                              const std::vector<std::int64_t>& rows, const PredictOptions& options) {
  if (info.features.empty()) throw ConfigError(info.name + ": the model has no feature vectors to show");
  std::vector<std::vector<torch::Tensor>> parts(info.features.size());  // by panel, then by batch
  auto scoring = options;
  Trace trace;
  scoring.trace = &trace;
  scoring.each_batch = [&](const Output&, const Batch&) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (const auto& name = info.features[i].second; trace.has(name))
        parts[i].push_back(trace.at(name).to(torch::kCPU, torch::kFloat32));
  };
  ClipFeatures features;
  features.clips = predict_rows(model, collate, rows, scoring);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    names.push_back(info.features[i].second);
    if (parts[i].empty()) continue;
    features.panels.push_back({info.features[i].first, torch::cat(parts[i])});
    require_finite(features.panels.back(), features.clips);
  }
  if (features.panels.empty())
    throw CheckpointError(fmt::format("{}: the model traces none of {}", info.name, join(names)),
                          "a pretraining task has no fusion: give the run, or its folder model/");
  return features;
}

void write_features(const std::filesystem::path& path, const ClipFeatures& features,
                    std::map<std::string, std::string> metadata) {
  std::vector<float> labels;
  auto ids = nlohmann::json::array();
  for (const auto& clip : features.clips) {
    labels.push_back(clip.label);
    ids.push_back(clip.id);
  }
  metadata["ids"] = ids.dump();
  std::map<std::string, io::Array> arrays;
  arrays["label"] = io::make_array({std::int64_t(labels.size())}, labels);
  for (const auto& panel : features.panels) arrays[panel.name] = io::to_array(panel.values);
  io::write_safetensors(path, arrays, metadata);
}

}  // namespace kuda
