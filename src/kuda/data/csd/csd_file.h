#pragma once
// Computational sequences of CMU-MultimodalSDK (.csd): HDF5 files of one root group NAME with data/VIDEO/features and
// data/VIDEO/intervals, frames and the seconds that each of them covers. Read by libhdf5, where kuda was built with it.
//
//   CsdFile audio("CMU_MOSI_COVAREP.csd");
//   const CsdEntry entry = audio.read("-3g5yACwYnA");     // frames [F, 74] and F intervals

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

struct TimeSpan {
  double start = 0, end = 0;  ///< seconds
};

struct CsdEntry {
  std::vector<TimeSpan> intervals;
  std::int64_t width = 0;
  std::vector<float> values;       ///< [intervals, width], where asked for; none of a sequence of words
  std::vector<std::string> words;  ///< of a sequence of words
};

class CsdFile {
 public:
  /// Throws DataError: no such layout, not an HDF5 file, or kuda built without libhdf5.
  explicit CsdFile(const std::filesystem::path& path);
  CsdFile(const CsdFile&) = delete;
  CsdFile& operator=(const CsdFile&) = delete;
  ~CsdFile();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }                     ///< "COVAREP"
  [[nodiscard]] const std::vector<std::string>& entries() const noexcept { return entries_; }  ///< sorted
  [[nodiscard]] bool has(const std::string& entry) const;
  /// `with_values` false: all but the values, which may be most of the file. Throws DataError naming file, entry and
  /// dataset: shapes that differ, a type that is no number or text, sizes
  /// beyond what the file can hold, data in other files.
  [[nodiscard]] CsdEntry read(const std::string& entry, bool with_values = true) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string name_;
  std::vector<std::string> entries_;
};

/// Whether kuda was built with libhdf5.
[[nodiscard]] bool reads_csd() noexcept;
/// By its bytes: an HDF5 file.
[[nodiscard]] bool is_csd(const std::filesystem::path& path);

}  // namespace kuda
