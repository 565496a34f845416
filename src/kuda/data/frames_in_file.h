#pragma once
// Features whose frames stay in the file: those of a clip are read when they are asked for. Their Feature::values are a
// shape without numbers (on the device `meta`), whose storage knows where the frames are; packed() gives the numbers.
//
//   Dataset sims = open_on_demand("unaligned_39.pkl");
//   sims.audio->clip(7);              // reads it, and keeps nothing
//   packed(*sims.audio);              // all frames, which then stay in memory
//   read_whole(sims);                 // fingerprint and the rest that only a reading of all frames tells

#include <torch/torch.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "kuda/data/dataset.h"

namespace kuda {

/// An open file with the frames of a data set. Threads may call it at once.
class FrameSource {
 public:
  FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;
  virtual ~FrameSource() = default;
  /// Writes the stored frames of a clip as float32, one after the other.
  virtual void read_clip(Modality modality, std::int64_t row, std::span<float> frames) const = 0;
  /// See kuda::read_whole. A failed or interrupted call may be repeated.
  virtual void read_whole(Dataset& dataset) = 0;
};

/// One modality in such a file. Copies of a Feature share it, and so may processes after a fork.
class FramesInFile {
 public:
  FramesInFile(std::shared_ptr<FrameSource> source, Modality modality)
      : source_(std::move(source)), modality_(modality) {}
  /// Feature::values that stand for it.
  [[nodiscard]] static torch::Tensor values(std::shared_ptr<FramesInFile> frames, std::int64_t count,
                                            std::int64_t width);
  /// What values(...) stand for; nullptr for other tensors.
  [[nodiscard]] static FramesInFile* of(const torch::Tensor& values);

  /// [stored length, width] of a clip: its own memory, or a view of all frames once these were read.
  [[nodiscard]] torch::Tensor clip(const Feature& feature, std::int64_t row) const;
  /// [all frames, width], read by the first call and kept.
  [[nodiscard]] torch::Tensor all(const Feature& feature);
  [[nodiscard]] FrameSource& source() const { return *source_; }

 private:
  std::shared_ptr<FrameSource> source_;
  Modality modality_;
  std::mutex mutex_;
  std::atomic<bool> is_read_ = false;  // so that clip() takes no mutex: a fork may come while it is held
  torch::Tensor all_;
};

/// open_dataset, but frames stay in a .pkl where they lie there as they are (see read_mmsa_on_demand). What only a
/// reading of all frames tells is left out until read_whole(): fingerprint, digests, source_sha256, Feature::finite,
/// warnings about features. Everything else, and every error, is that of open_dataset.
[[nodiscard]] Dataset open_on_demand(const std::filesystem::path& path);

/// Whether something is left out.
[[nodiscard]] bool is_unread(const Dataset& dataset);
/// Reads all frames once and fills in what was left out, if anything was. Keeps no frame.
void read_whole(Dataset& dataset);

/// Feature::values with their numbers.
[[nodiscard]] torch::Tensor packed(const Feature& feature);

}  // namespace kuda
