#pragma once
// Private to the MMSA reader: a feature file whose clips are read and whose features are planned.

#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include "kuda/base/file.h"
#include "kuda/data/sources/planned_dataset.h"
#include "kuda/io/pickle/value.h"

namespace kuda {

class MmsaFile final : public PlannedDataset {
 public:
  /// Reads everything but the frames, of those the padding only. Throws FormatError and DataError.
  explicit MmsaFile(const std::filesystem::path& path);

 private:
  void warn_about(Modality modality, const Feature& feature, const PackCounts& counts) const override;
  void complete(const DataFacts& facts) override;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  io::Value root_;
  std::future<std::string> source_sha256_;
};

}  // namespace kuda
