// A feature file whose frames stay where they are. The pickle is read, checked and planned as always; what is put off
// is packing and hashing, which touch every byte.

#include <algorithm>

#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/mmsa_file.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/sources/published.h"

namespace kuda {
namespace {

bool lies_in(const MappedFile& file, const io::Array& array) {
  const auto bytes = file.bytes();
  return array.numel() == 0 || (array.data >= bytes.data() && array.data < bytes.data() + bytes.size());
}

}  // namespace

bool MmsaFile::holds_frames() const {
  const auto lies_here = [&](const PaddedArray& part) { return lies_in(*file_, part.array); };
  return std::any_of(plans_.begin(), plans_.end(), [](const auto& plan) { return plan.has_value(); }) &&
         std::all_of(plans_.begin(), plans_.end(), [&](const auto& plan) {
           return !plan || std::all_of(plan->parts.begin(), plan->parts.end(), lies_here);
         });
}

Dataset MmsaFile::on_demand(const std::shared_ptr<MmsaFile>& file) {
  file->root_ = {};  // the plans keep what they need
  complete_facts(file->dataset_, {}, file->path_.stem().string());
  for (const Modality modality : kModalities)
    if (const auto& plan = file->plans_[modality]) file->dataset_.feature(modality) = empty_feature(*plan);
  Dataset dataset = file->dataset_;  // which stays without values: they keep the file, and it would keep itself
  for (const Modality modality : kModalities)
    if (const auto& plan = file->plans_[modality])
      dataset.feature(modality)->values =
          FramesInFile::values(std::make_shared<FramesInFile>(file, modality), plan->num_frames(), plan->width);
  return dataset;
}

void MmsaFile::read_clip(Modality modality, std::int64_t row, std::span<float> frames) const {
  // What the system maps around a page that is touched, and what thus has to be given back, too.
  constexpr std::ptrdiff_t kAround = 64 << 10;
  const auto [part, clip] = place_of_clip(*plans_[modality], row);
  const io::Array& array = part->array;
  copy_clip(array, clip, frames);
  const auto bytes = array.strides[0] * std::ptrdiff_t(io::item_size(array.dtype));
  if (bytes > 0 && array.data != nullptr)
    file_->give_back(array.data + clip * bytes - kAround, array.data + (clip + 1) * bytes + kAround);
}

void MmsaFile::read_whole(Dataset& dataset) {
  const std::lock_guard lock(reading_);
  if (dataset_.fingerprint.empty()) {
    PerModality<std::string> digests;
    for (const Modality modality : kModalities) {
      const auto& plan = plans_[modality];
      if (!plan) continue;
      const auto counts = fill_packed(*plan, nullptr, done_);
      digests[modality] = counts.digest;
      auto& feature = *dataset_.feature(modality);
      feature.values =
          torch::empty({plan->num_frames(), plan->width}, torch::dtype(torch::kFloat32).device(torch::kMeta));
      learn(modality, counts, feature);
    }
    close({}, digests);
  }
  for (const Modality modality : kModalities)
    if (auto& feature = dataset.feature(modality)) feature->finite = dataset_.feature(modality)->finite;
  dataset.source_sha256 = dataset_.source_sha256;
  dataset.features_digest = dataset_.features_digest;
  dataset.fingerprint = dataset_.fingerprint;
}

Dataset read_mmsa_on_demand(const std::filesystem::path& path) {
  std::error_code ignored;
  if (may_be_known(std::filesystem::file_size(path, ignored))) return read_mmsa(path);
  const auto file = std::make_shared<MmsaFile>(path, MmsaFile::Hash::later);
  return file->holds_frames() ? MmsaFile::on_demand(file) : file->finish({}, in_memory);
}

}  // namespace kuda
