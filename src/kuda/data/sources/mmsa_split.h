#pragma once
// Private to the MMSA reader: one split of a feature file, its keys as typed columns with one entry per clip. Lists,
// tuples, object arrays and arrays of any numeric type are all fine; every message names file, split and key.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/io/pickle/value.h"

namespace kuda {

[[nodiscard]] bool is_sequence(const io::Value& value);  ///< list, tuple or object array
/// A list or array of no rows, of whatever type: numpy makes float64 of an empty list.
[[nodiscard]] bool is_empty_column(const io::Value& value);
/// Text, or bytes that are UTF-8, or a list of one of these, or a whole number (ids of home-made files). False for
/// anything else.
[[nodiscard]] bool read_text(const io::Value& value, std::string& text);
[[nodiscard]] std::string found(const io::Value& value);  ///< for messages: "[3, 5] float64", "list", "pandas.Series"
[[nodiscard]] std::string recipe_for(const io::Value& value);  ///< for the hint: how to write it instead, or ""

/// The split that a key of the file names: train, valid, test, and what else people call them (val, dev, ...).
[[nodiscard]] std::optional<Split> split_of_key(std::string_view key);

class MmsaSplit {
 public:
  /// Reads the ids, which say how many clips there are. Throws DataError.
  MmsaSplit(std::string file, Split split, const io::Value& content);
  /// A dict without splits: clips to be scored (test), or one clip that is named after the file, as MMSA-FET's
  /// run_single writes it. Arrays of one clip lack the first dimension; its text_bert is [L, 3].
  static MmsaSplit without_splits(std::string file, const io::Value& content);

  [[nodiscard]] Split split() const noexcept { return split_; }
  [[nodiscard]] const std::vector<std::string>& ids() const noexcept { return ids_; }
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] const io::Value& content() const noexcept { return content_; }
  /// None stands for a key that is not there.
  [[nodiscard]] bool has(std::string_view key) const {
    const auto* value = content_.kind() == io::Value::Kind::dict ? content_.find(key) : nullptr;
    return value != nullptr && value->kind() != io::Value::Kind::none;
  }
  [[nodiscard]] bool is_single() const noexcept { return is_single_; }
  [[nodiscard]] std::string where(std::string_view key) const;        ///< "file.pkl: train.audio"
  [[nodiscard]] const io::Value& column(std::string_view key) const;  ///< throws DataError when it is missing
  void require_rows(std::string_view key, std::int64_t rows) const;

  // Each throws DataError when the key is missing, of another kind, or has another number of rows than the ids.
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] std::vector<double> numbers(std::string_view key) const;        ///< may hold NaN
  [[nodiscard]] std::vector<float> labels(std::string_view key) const;          ///< finite, or NaN = unknown
  [[nodiscard]] std::vector<std::int64_t> lengths(std::string_view key) const;  ///< at least 0
  /// text_bert as int32 [N, 3, L]: whole numbers, ids at least 0, masks 0 or 1.
  [[nodiscard]] torch::Tensor token_ids(std::string_view key) const;

 private:
  MmsaSplit(std::string file, const io::Value& content, bool is_single);
  void read_own_ids();
  void refuse_classes() const;
  [[nodiscard]] std::vector<io::Array> token_rows(std::string_view key) const;

  std::string file_, prefix_;  // of messages: "train."
  Split split_;
  bool is_single_ = false;
  io::Value content_;
  std::vector<std::string> ids_;
};

}  // namespace kuda
