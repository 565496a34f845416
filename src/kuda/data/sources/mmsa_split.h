#pragma once
// Private to the MMSA reader: one split of a feature file, its keys as typed columns with one entry per clip. Lists,
// tuples, object arrays and arrays of any numeric type are all fine; every message names file, split and key.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/io/pickle/value.h"

namespace kuda {

class MmsaSplit {
 public:
  /// Reads the ids, which say how many clips there are. Throws DataError.
  MmsaSplit(std::string file, Split split, const io::Value& content);

  [[nodiscard]] Split split() const noexcept { return split_; }
  [[nodiscard]] const std::vector<std::string>& ids() const noexcept { return ids_; }
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] const io::Value& content() const noexcept { return content_; }
  [[nodiscard]] bool has(std::string_view key) const { return content_.find(key) != nullptr; }
  [[nodiscard]] std::string where(std::string_view key) const;  ///< "file.pkl: train.audio"

  // Each throws DataError when the key is missing, of another kind, or has another number of rows than the ids.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] std::vector<double> numbers(std::string_view key) const;  ///< may hold NaN
  [[nodiscard]] std::vector<float> labels(std::string_view key,
                                          bool may_be_unknown) const;           ///< finite, or NaN = unknown
  [[nodiscard]] std::vector<std::int64_t> lengths(std::string_view key) const;  ///< at least 0
  [[nodiscard]] const io::Array& array(std::string_view key) const;             ///< [N, ...] numeric
  /// text_bert as int32 [N, 3, L]: whole numbers, ids at least 0, masks 0 or 1.
  [[nodiscard]] torch::Tensor token_ids(std::string_view key) const;

 private:
  [[nodiscard]] const io::Value& required(std::string_view key) const;
  void require_rows(std::string_view key, std::int64_t rows) const;
  [[nodiscard]] std::vector<std::string> read_ids() const;

  std::string file_;
  Split split_;
  io::Value content_;
  std::vector<std::string> ids_;
};

}  // namespace kuda
