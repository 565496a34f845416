#pragma once
// Private to the MMSA reader: a feature file whose clips are read and whose features are planned.

#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "kuda/base/file.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/io/pickle/value.h"

namespace kuda {

class MmsaFile final : public PlannedDataset, public FrameSource {
 public:
  /// Reads everything but the frames, of those the padding only. Throws FormatError and DataError. The file is hashed
  /// meanwhile, or with Hash::later when its SHA-256 is asked for.
  enum class Hash { now, later };
  explicit MmsaFile(const std::filesystem::path& path, Hash hash = Hash::now);
  /// What read_mmsa_on_demand gives, which keeps the file. All frames must lie in it.
  [[nodiscard]] static Dataset on_demand(const std::shared_ptr<MmsaFile>& file);
  /// Whether there are frames, and all of them lie in the file as they are, so that none are in memory.
  [[nodiscard]] bool holds_frames() const;

 private:
  void read_clip(Modality modality, std::int64_t row, std::span<float> frames) const override;
  void read_whole(Dataset& dataset) override;
  void warn_about(Modality modality, const Feature& feature, const PackCounts& counts) const override;
  void complete(const DataFacts& facts) override;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  io::Value root_;
  std::future<std::string> source_sha256_;
  std::mutex reading_;
};

}  // namespace kuda
