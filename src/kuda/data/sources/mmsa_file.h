#pragma once
// Private to the MMSA reader: a file whose clips are read and whose features are planned, but not packed yet, so that
// they can go to memory or straight into the file of a prepared folder.

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/pack.h"

namespace kuda {

class MmsaFile {
 public:
  /// Reads everything but the frames, of those the padding only. Throws FormatError and DataError.
  explicit MmsaFile(const std::filesystem::path& path);
  MmsaFile(const MmsaFile&) = delete;
  MmsaFile& operator=(const MmsaFile&) = delete;
  ~MmsaFile();

  [[nodiscard]] const Dataset& dataset() const noexcept { return dataset_; }  ///< without features
  [[nodiscard]] const std::array<std::optional<PackPlan>, 3>& plans() const noexcept { return plans_; }

  /// Where the frames of a modality go: [num_frames, width] float32, contiguous.
  using Place = std::function<torch::Tensor(Modality, const PackPlan&)>;
  /// Packs and hashes every feature in one pass, and works out the facts. Call once.
  [[nodiscard]] Dataset finish(const DataFacts& facts, const Place& place, const BytesWritten& written = {});

 private:
  struct Content;
  std::unique_ptr<Content> content_;
  Dataset dataset_;
  std::array<std::optional<PackPlan>, 3> plans_;
};

}  // namespace kuda
