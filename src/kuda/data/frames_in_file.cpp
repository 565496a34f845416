#include "kuda/data/frames_in_file.h"

#include "kuda/base/interruption.h"

namespace kuda {
namespace {

using Owner = std::shared_ptr<FramesInFile>;

/// Its address is also how a storage of ours is known.
void let_go(void* owner) { delete static_cast<Owner*>(owner); }

FramesInFile* first_in_file(const Dataset& dataset) {
  for (const Modality modality : kModalities)
    if (const auto& feature = dataset.feature(modality))
      if (auto* frames = FramesInFile::of(feature->values)) return frames;
  return nullptr;
}

}  // namespace

torch::Tensor FramesInFile::values(std::shared_ptr<FramesInFile> frames, std::int64_t count, std::int64_t width) {
  const torch::Device nowhere(torch::kMeta);
  return at::for_blob(nullptr, {count, width})
      .context(new Owner(std::move(frames)), &let_go)
      .options(torch::dtype(torch::kFloat32).device(nowhere))
      .target_device(nowhere)
      .make_tensor();
}

FramesInFile* FramesInFile::of(const torch::Tensor& values) {
  if (!values.defined() || !values.is_meta()) return nullptr;
  const auto& memory = values.storage().data_ptr();
  return memory.get_deleter() == &let_go ? static_cast<Owner*>(memory.get_context())->get() : nullptr;
}

torch::Tensor FramesInFile::clip(const Feature& feature, std::int64_t row) const {
  const auto begin = feature.offsets.at(std::size_t(row)), end = feature.offsets.at(std::size_t(row + 1));
  if (is_read_) return all_.slice(0, begin, end);
  auto frames = torch::empty({end - begin, feature.width()}, torch::kFloat32);
  source_->read_clip(modality_, row, {frames.data_ptr<float>(), std::size_t(frames.numel())});
  return frames;
}

torch::Tensor FramesInFile::all(const Feature& feature) {
  const std::lock_guard lock(mutex_);
  if (is_read_) return all_;
  const auto width = feature.width();
  auto frames = torch::empty({feature.offsets.back(), width}, torch::kFloat32);
  auto* values = frames.data_ptr<float>();
  for (std::size_t row = 0; row + 1 < feature.offsets.size(); ++row) {
    stop_where_asked();
    const auto begin = feature.offsets[row], end = feature.offsets[row + 1];
    source_->read_clip(modality_, std::int64_t(row), {values + begin * width, std::size_t((end - begin) * width)});
  }
  all_ = frames;
  is_read_ = true;
  return all_;
}

bool is_unread(const Dataset& dataset) { return dataset.fingerprint.empty() && first_in_file(dataset) != nullptr; }

void read_whole(Dataset& dataset) {
  if (is_unread(dataset)) first_in_file(dataset)->source().read_whole(dataset);
}

torch::Tensor packed(const Feature& feature) {
  auto* frames = FramesInFile::of(feature.values);
  return frames != nullptr ? frames->all(feature) : feature.values;
}

}  // namespace kuda
