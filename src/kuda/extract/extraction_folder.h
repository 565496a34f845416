#pragma once
// The folder that extraction fills and packing reads:
//
//   recipe.toml          how; one recipe a folder
//   clips.csv            all clips of the source, with texts and labels, as a prepared folder has them
//   extraction.json      the name of the source
//   clips/KEY.safetensors   one a clip (extracted_clip.h), under the SHA-256 of video, part and recipe
//   report.csv           what became of each clip; of one shard: report-3-of-64.csv

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/extract/recipe.h"

namespace kuda {

/// Part `index` of `count`, from 1: clips index, index + count, ...
struct Shard {
  std::size_t index = 1, count = 1;
  /// From "3/64". Throws UsageError.
  [[nodiscard]] static Shard parse(const std::string& text);
  [[nodiscard]] bool holds(std::size_t place) const { return place % count == index - 1; }
};

class ExtractionFolder {
 public:
  explicit ExtractionFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Makes the folder, or goes on in it. `parts` stands for the files and times behind the clips: reports of other
  /// ones, or of other clips, are removed. Throws DataError where it holds something else, or clips of another recipe
  /// or source.
  void begin(const Recipe& recipe, const std::string& source, const std::vector<Clip>& clips,
             const std::string& parts = {}) const;
  /// Throws DataError where `begin` never was.
  void require_begun() const;

  [[nodiscard]] std::filesystem::path clip(const std::string& key) const {
    return folder_ / "clips" / (key + ".safetensors");
  }
  /// Held by who makes that clip, so that equal videos are extracted once, and gone when it is made.
  [[nodiscard]] std::filesystem::path lock(const std::string& key) const { return folder_ / "clips" / (key + ".lock"); }
  [[nodiscard]] std::filesystem::path report(const Shard& shard) const;
  [[nodiscard]] std::vector<std::filesystem::path> reports() const;  ///< those that are there, the newest last
  [[nodiscard]] std::filesystem::path table() const { return folder_ / "clips.csv"; }
  [[nodiscard]] Recipe recipe() const;
  [[nodiscard]] std::string source() const;  ///< its name, without the folders above it
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_; }

 private:
  [[nodiscard]] bool holds_work() const;  ///< a clip or a report
  std::filesystem::path folder_;
};

}  // namespace kuda
