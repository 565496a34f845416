#pragma once
// Private to the writers of prepared folders: a folder made beside its place and swapped in at the end.

#include <filesystem>
#include <memory>

#include "kuda/base/folder.h"
#include "kuda/data/dataset.h"

namespace kuda {

class PreparedFolder {
 public:
  /// Throws DataError, and changes nothing, when `target` may not be replaced (see write_prepared) or somebody else is
  /// writing it.
  explicit PreparedFolder(const std::filesystem::path& target);
  PreparedFolder(const PreparedFolder&) = delete;
  PreparedFolder& operator=(const PreparedFolder&) = delete;
  ~PreparedFolder();  ///< without commit, what was made is removed

  [[nodiscard]] std::filesystem::path features() const { return file("features.safetensors"); }
  /// A file of the folder while it is made.
  [[nodiscard]] std::filesystem::path file(const char* name) const { return made_ / name; }
  /// Writes clips.csv and dataset.toml and puts the folder in place, in one step of the file system.
  void commit(const Dataset& dataset);

 private:
  std::filesystem::path target_, made_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace kuda
