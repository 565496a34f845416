#pragma once
// Private to the import of tables: the array of one modality in a file that may hold others.
//
//   ArrayUse use;
//   const ArraySource audio = read_array_source(MappedFile::open("features.npz"), Modality::audio, use);
//   use.name_unused();

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "kuda/base/file.h"
#include "kuda/data/modality.h"
#include "kuda/io/array.h"

namespace kuda {

struct ArraySource {
  io::Array values;
  std::optional<io::Array> lengths;
  std::string name, lengths_name;  ///< "features.npz: audio"
};

/// Which arrays of the files were taken.
struct ArrayUse {
  std::map<std::string, std::set<std::string>> unused;                    ///< file to keys
  std::map<std::string, std::map<std::string, std::string>> not_numbers;  ///< file to keys and why they are none
  void name_unused() const;                                               ///< in the log
};

/// An archive is searched for the modality's name, whatever its case, then for a name that others give it ("acoustic",
/// "visual"); else the only array of two or three dimensions is taken. Its lengths are "NAME_lengths", "lengths" or
/// the like. Throws FormatError and DataError naming file and key: no such array, several, objects instead of numbers.
[[nodiscard]] ArraySource read_array_source(const std::shared_ptr<const MappedFile>& file, Modality modality,
                                            ArrayUse& use);

}  // namespace kuda
