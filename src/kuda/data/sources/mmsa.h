#pragma once
// Feature files in the layout of MMSA (CH-SIMS, CH-SIMSv2, CMU-MOSI, CMU-MOSEI; aligned and unaligned).
// The layout, key by key: docs/data-formats.md.
//
//   const Dataset mosi = read_mmsa("unaligned_50.pkl");
//   const Dataset mine = read_mmsa("my.pkl", {.name = "mine", .language = "en"});

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "kuda/data/dataset.h"

namespace kuda {

/// What the reader would otherwise work out from the file.
struct DataFacts {
  std::string name{};                                      ///< "": published split sizes, else the file's stem
  std::string language{};                                  ///< "": published split sizes, else the script of the texts
  std::optional<MetricFamily> family{};                    ///< else split sizes, labels and ids
  std::optional<std::pair<double, double>> score_range{};  ///< else that of the family: [-1, 1] or [-3, 3]
  PerModality<std::string> extractor{};                    ///< see Feature::extractor; "": not known
};

/// Warnings (lengths of 0 or beyond the array, values that are not finite, left padding) go to the log.
/// Memory: the packed features once; the file is mapped and its pages are given back after use.
/// Throws FormatError for bytes that are no pickle, DataError for content that is no data set.
[[nodiscard]] Dataset read_mmsa(const std::filesystem::path& path, const DataFacts& facts = {});

/// read_mmsa with the frames left in the file (frames_in_file.h), as long as they lie there as they are: a file that
/// stores arrays as text (protocols 0 to 2) is read as a whole, and so is one that may be known by its bytes. The file
/// must not be written to meanwhile; to replace it does no harm.
[[nodiscard]] Dataset read_mmsa_on_demand(const std::filesystem::path& path);

/// The folder of write_prepared(folder, read_mmsa(path, facts)) without ever holding the features in memory: they are
/// packed straight into its file. Returns the data set as opened from there.
Dataset import_mmsa(const std::filesystem::path& path, const std::filesystem::path& folder,
                    const DataFacts& facts = {});

}  // namespace kuda
