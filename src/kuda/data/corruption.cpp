#include "kuda/data/corruption.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/random.h"
#include "kuda/data/removal.h"

namespace kuda {

using torch::Tensor;

namespace {

bool has(const Batch& batch, Modality modality) {
  return batch[modality].values.defined() || (modality == Modality::text && batch.text_ids.defined());
}

/// The draws of one clip: a stream for each modality, and one for what concerns them all ("*").
Random draws_of(const Corruption& corruption, const std::string& id, char stream, std::uint64_t index) {
  return Random(stream_seed(corruption.seed, fmt::format("corruption/{}/{}", stream, id), index));
}

/// Whether each clip loses each modality.
PerModality<std::vector<bool>> lost_modalities(const Batch& batch, const Corruption& corruption, std::uint64_t index) {
  PerModality<std::vector<bool>> lost;
  std::vector<Modality> present;
  for (const auto m : kModalities)
    if (has(batch, m)) present.push_back(m);
  const bool together = !(corruption.from.text && corruption.from.vision && corruption.from.audio);
  for (const auto& id : batch.ids) {
    auto clip = draws_of(corruption, id, '*', index);
    const bool all = clip.uniform() < corruption.rate;
    std::size_t count = 0;
    for (const auto m : present) {
      const bool is_lost =
          together ? all && corruption.from[m] : draws_of(corruption, id, letter(m), index).uniform() < corruption.rate;
      lost[m].push_back(is_lost);
      count += is_lost ? 1 : 0;
    }
    if (!together && count == present.size()) lost[present[clip.below(present.size())]].back() = false;
  }
  return lost;
}

/// `changed` for the clips in `which`, `kept` for the others.
void take_rows(Tensor& kept, const Tensor& changed, const Tensor& which) {
  if (!kept.defined()) return;
  auto shape = std::vector<std::int64_t>(std::size_t(kept.dim()), 1);
  shape[0] = which.size(0);
  kept = torch::where(which.view(shape), changed, kept);
}

void lose_modality(Batch& batch, Modality modality, const std::vector<bool>& lost) {
  auto which = torch::empty({batch.size()}, torch::kBool);
  for (std::int64_t i = 0; i < batch.size(); ++i) which[i] = bool(lost[std::size_t(i)]);
  if (!which.any().item<bool>()) return;
  const auto removed = without(batch, modality);
  auto& sequence = batch[modality];
  const auto& empty = removed[modality];
  take_rows(sequence.values, empty.values, which);
  take_rows(sequence.padding, empty.padding, which);
  take_rows(sequence.lengths, empty.lengths, which);
  take_rows(sequence.missing, empty.missing, which);
  if (modality != Modality::text) return;
  take_rows(batch.text_ids, removed.text_ids, which);
  take_rows(batch.text_segments, removed.text_segments, which);
  take_rows(batch.text_padding, removed.text_padding, which);
}

/// Calls change(clip, frames, draws) with each clip's real frames [n, D], a view into a copy of the values.
template <class Change>
void change_frames(Batch& batch, Modality modality, const Corruption& corruption, std::uint64_t index,
                   Change&& change) {
  auto& sequence = batch[modality];
  if (!sequence.values.defined()) return;
  sequence.values = sequence.values.clone();
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const auto frames = sequence.values[i].slice(0, 0, sequence.lengths[i].item<std::int64_t>());
    change(frames, draws_of(corruption, batch.ids[std::size_t(i)], letter(modality), index));
  }
}

void lose_words(Batch& batch, const Corruption& corruption, std::uint64_t index) {
  if (!batch.text_ids.defined()) return;
  batch.text_ids = batch.text_ids.clone();
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    auto draws = draws_of(corruption, batch.ids[std::size_t(i)], letter(Modality::text), index);
    const auto count = batch.text_padding[i].logical_not().sum().item<std::int64_t>();
    for (std::int64_t piece = 1; piece + 1 < count; ++piece)
      if (draws.uniform() < corruption.rate) batch.text_ids[i][piece] = corruption.unknown_id;
  }
}

void lose_frames(const Tensor& frames, Random draws, double rate) {
  for (std::int64_t frame = 0; frame < frames.size(0); ++frame)
    if (draws.uniform() < rate) frames[frame].zero_();
}

void add_noise(const Tensor& frames, Random draws, double strength) {
  const auto deviation = frames.std(0, /*unbiased=*/false);  // [D]
  auto noise = torch::empty(frames.sizes(), torch::kFloat32);
  auto* out = noise.data_ptr<float>();
  for (std::int64_t i = 0; i < noise.numel(); ++i) out[i] = float(draws.normal());
  frames.add_(noise * deviation * strength);
}

}  // namespace

Batch corrupted(const Batch& batch, const Corruption& corruption, std::uint64_t index) {
  const bool is_share = corruption.kind != CorruptionKind::noise;
  if (!(corruption.rate >= 0) || std::isinf(corruption.rate) || (is_share && corruption.rate > 1))
    throw ConfigError(fmt::format("{} = {}: expected {}", is_share ? "missing rate" : "strength of noise",
                                  corruption.rate, is_share ? "0 to 1" : "0 or more"));
  if (corruption.rate == 0) return batch;
  auto result = batch;
  if (corruption.kind == CorruptionKind::modality) {
    const auto lost = lost_modalities(batch, corruption, index);
    for (const auto m : kModalities)
      if (!lost[m].empty()) lose_modality(result, m, lost[m]);
    return result;
  }
  for (const auto m : kModalities) {
    if (!corruption.from[m]) continue;
    const bool is_noise = corruption.kind == CorruptionKind::noise;
    if (m == Modality::text && !is_noise) lose_words(result, corruption, index);
    change_frames(result, m, corruption, index, [&](const Tensor& frames, Random draws) {
      is_noise ? add_noise(frames, std::move(draws), corruption.rate)
               : lose_frames(frames, std::move(draws), corruption.rate);
    });
  }
  return result;
}

}  // namespace kuda
