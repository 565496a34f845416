#include "kuda/extract/audio_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/data/modality.h"
#include "kuda/extract/voice/axis.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

constexpr double kStatesPerSecond = 50;      // of Whisper's encoder
constexpr std::int64_t kRowsAtOnce = 10000;  // that are joined

VoiceOptions voice_options(const AudioRecipe& recipe) {
  VoiceOptions options;
  options.sample_rate = int(recipe.sample_rate);
  options.frames_per_second = recipe.frames_per_second;
  options.lowest_pitch = recipe.lowest_pitch;
  options.highest_pitch = recipe.highest_pitch;
  options.silence_threshold = recipe.silence_threshold;
  options.voicing_threshold = recipe.voicing_threshold;
  options.octave_cost = recipe.octave_cost;
  options.octave_jump_cost = recipe.octave_jump_cost;
  options.voiced_unvoiced_cost = recipe.voiced_unvoiced_cost;
  return options;
}

}  // namespace

at::Tensor with_columns(const at::Tensor& rows, const at::Tensor& places) {
  const bool is_all = places.size(0) == rows.size(1) && places.equal(at::arange(rows.size(1), at::kLong));
  return is_all ? rows : rows.index_select(1, places);
}

void require_finite(const at::Tensor& values, const std::filesystem::path& file, Modality modality) {
  if (!at::isfinite(values).all().item<bool>())
    throw DataError(fmt::format("{}: {}: the features are not finite", file.string(), modality_name(modality)));
}

std::unique_ptr<OpenSmile> opensmile_for(const AudioRecipe& recipe, const std::filesystem::path& folder) {
  if (AudioColumns(recipe.columns).egemaps.size(0) == 0) return nullptr;
  constexpr const char* kHint =
      "name the folder opensmile/core of the Python package opensmile (research licence, no commercial use): "
      "--opensmile";
  if (folder.empty())
    throw ConfigError("audio.columns: the recipe has columns of openSMILE, which is not named", kHint);
  std::filesystem::path library;
  if (std::filesystem::is_directory(folder / "bin"))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "bin"))
      if (entry.path().filename() == "libSMILEapi.so") library = entry.path();
  if (library.empty())
    throw ConfigError(fmt::format("openSMILE: {}: expected libSMILEapi.so below bin, found none", folder.string()),
                      kHint);
  auto smile = std::make_unique<OpenSmile>(library, folder / "config");
  if (smile->columns() != egemaps_columns())
    throw ConfigError(
        fmt::format("openSMILE: {}: its eGeMAPSv02 has other columns than the 25 of openSMILE 3", library.string()),
        "tried: opensmile 2.6.0");
  return smile;
}

AudioRows::AudioRows(const AudioRecipe& recipe, std::filesystem::path file)
    : file_(std::move(file)),
      options_(voice_options(recipe)),
      columns_(recipe.columns),
      voice_(options_),
      voice_rows_(columns_.voice.size(0)),
      whisper_rows_(columns_.whisper.size(0)) {
  if (columns_.egemaps.size(0) > 0) sound_.emplace(1);
}

void AudioRows::add(const at::Tensor& samples) {
  keep(voice_.add(samples));
  if (sound_) sound_->append(samples.unsqueeze(1));
}

void AudioRows::finish_voice() { keep(voice_.finish()); }

void AudioRows::keep(const at::Tensor& features) {  // [n, C]
  if (features.size(0) == 0) return;
  energies_.push_back(speech_energy_of(features, options_));
  const auto rows = with_columns(features, columns_.voice);
  require_finite(rows, file_, Modality::audio);
  voice_rows_.append(rows);
}

at::Tensor AudioRows::energy() const { return energies_.empty() ? at::zeros({0}) : at::cat(energies_); }

/// values [F, C] at seconds of the clip -> rows `first` and on of its axis; zeros where there is no value.
at::Tensor AudioRows::laid_on_axis(const at::Tensor& values, std::vector<double> times, std::int64_t first,
                                   std::int64_t frames) const {
  for (auto& time : times) time -= double(first) / options_.frames_per_second;
  const TimeAxis axis{frames, options_.frames_per_second};
  return at::nan_to_num(lay_on_axis(values.to(at::kFloat).contiguous(), times, axis), 0.0);
}

void AudioRows::add_states(double begin, const at::Tensor& states) {
  if (columns_.whisper.size(0) == 0) return;
  const auto row_at = [&](double seconds) {
    return std::int64_t(std::ceil(seconds * options_.frames_per_second - 1e-6));
  };
  const auto count = states.size(0);
  const auto first = std::max(row_at(begin), whisper_rows_.rows());
  const auto frames = row_at(begin + double(count) / kStatesPerSecond) - first;
  for (auto gap = first - whisper_rows_.rows(); gap > 0; gap -= kRowsAtOnce)
    whisper_rows_.append(at::zeros({std::min(gap, kRowsAtOnce), columns_.whisper.size(0)}));
  if (frames > 0)
    whisper_rows_.append(laid_on_axis(states.index_select(1, columns_.whisper),
                                      regular_times(begin, 1 / kStatesPerSecond, count), first, frames));
}

StoredRows AudioRows::finish(const OpenSmile* opensmile) {
  if (columns_.is_voice_alone()) return voice_rows_.finish();
  const auto frames = voice_rows_.rows();
  while (whisper_rows_.rows() < frames)
    whisper_rows_.append(at::zeros({std::min(frames - whisper_rows_.rows(), kRowsAtOnce), columns_.whisper.size(0)}));
  const auto voice = voice_rows_.finish(), whisper = whisper_rows_.finish();
  at::Tensor egemaps = at::zeros({frames, 0});
  if (sound_ && opensmile != nullptr) {
    const auto sound = sound_->finish();
    const auto found = opensmile->descriptors(io::to_tensor(sound.array).view(-1), options_.sample_rate);
    egemaps = laid_on_axis(found.values.index_select(1, columns_.egemaps), found.times, 0, frames);
  }
  RowStore joined(columns_.order.size(0));
  for (std::int64_t first = 0; first < frames; first += kRowsAtOnce) {
    const auto last = std::min(first + kRowsAtOnce, frames);
    std::vector<at::Tensor> parts;
    for (const auto* stored : {&voice, &whisper}) {
      if (stored->array.shape[1] == 0) continue;
      parts.push_back(io::to_tensor(stored->array).slice(0, first, last));
    }
    parts.push_back(egemaps.slice(0, first, last));
    const auto rows = at::cat(parts, 1).index_select(1, columns_.order);  // [n, C]
    require_finite(rows, file_, Modality::audio);
    joined.append(rows);
    for (const auto* stored : {&voice, &whisper}) {
      const auto row_bytes = stored->array.shape[1] * std::int64_t(sizeof(float));
      if (stored->file) stored->file->give_back(stored->array.data, stored->array.data + last * row_bytes);
    }
  }
  return joined.finish();
}

}  // namespace kuda
