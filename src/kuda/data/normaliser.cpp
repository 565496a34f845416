#include "kuda/data/normaliser.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>

#include "kuda/base/error.h"
#include "kuda/data/cleaning.h"
#include "kuda/data/window.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

/// Calls `visit` with the valid frames [n, D] of every training clip that has the modality.
void for_each_training_clip(const Dataset& dataset, const Feature& feature, const DataConfig& config,
                            CleanPolicy policy, const torch::Tensor& mean,
                            const std::function<void(const torch::Tensor&)>& visit) {
  for (const auto row : dataset.rows(Split::train)) {
    const auto clean = clean_frames(feature.clip(row), feature.lengths[std::size_t(row)], policy, mean);
    if (clean.length == 0) continue;
    const auto window = place_window(clean.frames, feature.padded_length, clean.length, feature.padded_length,
                                     config.mask, dataset.is_aligned);
    const auto frames = clean.frames.slice(0, window.start, window.start + window.valid);
    if (frames.size(0) > 0) visit(frames);
  }
}

/// Mean over the finite values only; 0 where there is none.
torch::Tensor finite_mean(const Dataset& dataset, const Feature& feature, const DataConfig& config) {
  auto sum = torch::zeros({feature.width()}, torch::kFloat64), count = torch::zeros_like(sum);
  for (const auto row : dataset.rows(Split::train)) {
    const auto raw = feature.clip(row);
    const auto length = feature.lengths[std::size_t(row)];
    if (length == 0) continue;
    const auto window = place_window(clean_frames(raw, length, CleanPolicy::zero).frames, feature.padded_length, length,
                                     feature.padded_length, config.mask, dataset.is_aligned);
    const auto frames = raw.slice(0, window.start, window.start + window.valid);
    const auto finite = frames.isfinite();
    sum += torch::where(finite, frames, torch::zeros({}, frames.options())).to(torch::kFloat64).sum(0);
    count += finite.sum(0);
  }
  return (sum / count.clamp_min(1)).to(torch::kFloat32);
}

FeatureStatistics fit_feature(const Dataset& dataset, const Feature& feature, const DataConfig& config,
                              Modality modality) {
  const auto policy = config.clean;
  const auto fill = policy == CleanPolicy::mean ? finite_mean(dataset, feature, config) : torch::Tensor();
  auto sum = torch::zeros({feature.width()}, torch::kFloat64), squares = torch::zeros_like(sum);
  std::int64_t count = 0;
  for_each_training_clip(dataset, feature, config, policy, fill, [&](const torch::Tensor& frames) {
    sum += frames.to(torch::kFloat64).sum(0);
    count += frames.size(0);
  });
  if (count == 0)
    throw DataError(fmt::format("{}: the training split has no frame of {} to take mean and deviation from",
                                dataset.source, modality_name(modality)));
  const auto mean = sum / double(count);
  if (!mean.isfinite().all().item<bool>())
    throw DataError(
        fmt::format("{}: {}: values that are not finite remain after cleaning (data.clean = \"{}\"), so there "
                    "is no mean",
                    dataset.source, modality_name(modality), name_of(config.clean)),
        "data.clean = \"zero\" or \"mean\" repairs them");
  // A second pass: squares of differences do not cancel as differences of squares do.
  for_each_training_clip(dataset, feature, config, policy, fill, [&](const torch::Tensor& frames) {
    squares += (frames.to(torch::kFloat64) - mean).square().sum(0);
  });
  return FeatureStatistics::from_moments(mean, squares / double(count));
}

}  // namespace

FeatureStatistics FeatureStatistics::from_moments(const torch::Tensor& mean, const torch::Tensor& variance) {
  auto deviation = variance.sqrt();
  // Equal float32 values give a mean that is off by rounding; what is that small against the mean is no variation.
  deviation = torch::where(deviation <= 1e-9 * mean.abs(), torch::zeros_like(deviation), deviation);
  return {mean.to(torch::kFloat32), deviation.to(torch::kFloat32)};
}

torch::Tensor FeatureStatistics::standardise(const torch::Tensor& frames, double limit) const {
  const auto centred = (frames - mean) / deviation;  // 0 / 0 and x / 0 at constant features, replaced below
  auto result = torch::where(deviation > 0, centred, torch::zeros({}, frames.options()));
  if (limit > 0) result.clamp_(-limit, limit);
  return result;
}

Normaliser Normaliser::fit(const Dataset& dataset, const DataConfig& config) {
  Normaliser normaliser;
  for (const Modality m : {Modality::vision, Modality::audio})
    if (const auto& feature = dataset.feature(m); feature && config.uses(m))
      normaliser.modality[m] = fit_feature(dataset, *feature, config, m);
  return normaliser;
}

void Normaliser::save(const std::filesystem::path& path) const {
  std::map<std::string, io::Array> arrays;
  for (const Modality m : {Modality::vision, Modality::audio}) {
    const auto& own = modality[m];
    if (!own.defined()) continue;
    arrays[std::string(modality_name(m)) + "/mean"] = io::to_array(own.mean);
    arrays[std::string(modality_name(m)) + "/deviation"] = io::to_array(own.deviation);
  }
  io::write_safetensors(path, arrays);
}

Normaliser Normaliser::load(const std::filesystem::path& path) {
  const auto file = io::read_safetensors(path);
  const auto read = [&](const std::string& key) {
    const io::Array& array = file.at(key);
    if (array.shape.size() != 1)
      throw DataError(fmt::format("{}: {}: expected [D], found {}", path.string(), key, array.describe()));
    return io::to_tensor(array).to(torch::kFloat32);
  };
  Normaliser normaliser;
  for (const Modality m : {Modality::vision, Modality::audio}) {
    const std::string prefix = std::string(modality_name(m)) + "/";
    if (!file.arrays.contains(prefix + "mean")) continue;
    auto& own = normaliser.modality[m];
    own.mean = read(prefix + "mean");
    own.deviation = read(prefix + "deviation");
    if (own.mean.sizes() != own.deviation.sizes())
      throw DataError(fmt::format("{}: {}mean and {}deviation differ in length", path.string(), prefix, prefix));
  }
  return normaliser;
}

}  // namespace kuda
