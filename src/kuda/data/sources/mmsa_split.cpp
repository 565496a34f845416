#include "kuda/data/sources/mmsa_split.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

using Kind = io::Value::Kind;

bool is_sequence(const io::Value& value) {
  return value.kind() == Kind::list || value.kind() == Kind::tuple || value.kind() == Kind::object_array;
}

/// What stands there, for messages: "[3, 5] float64", "list".
std::string found(const io::Value& value) {
  return value.kind() == Kind::array ? value.array().describe() : std::string(value.kind_name());
}

/// A number, or an array or list of one number. False for anything else.
bool read_number(const io::Value& value, double& number) {
  if (value.kind() == Kind::boolean)
    number = value.boolean() ? 1 : 0;
  else if (value.kind() == Kind::integer || value.kind() == Kind::real)
    number = value.real();
  else if (value.kind() == Kind::array && value.array().numel() == 1)
    number = value.array().to_doubles()[0];
  else
    return is_sequence(value) && value.size() == 1 && read_number(value[0], number);
  return true;
}

/// Text, or bytes that are UTF-8, or a list of one of these, or a whole number (ids of home-made files).
bool read_text(const io::Value& value, std::string& text) {
  if (value.kind() == Kind::text || value.kind() == Kind::bytes) {
    const auto clean = clean_utf8(value.text());
    if (clean) text = *clean;
    return clean.has_value();
  }
  if (value.kind() == Kind::integer) {
    text = std::to_string(value.integer());
    return true;
  }
  return is_sequence(value) && value.size() == 1 && read_text(value[0], text);
}

bool is_whole(double value, double low, double high) {
  return value >= low && value <= high && value == std::floor(value);
}

}  // namespace

MmsaSplit::MmsaSplit(std::string file, Split split, const io::Value& content)
    : file_(std::move(file)), split_(split), content_(content) {
  if (content_.kind() != Kind::dict)
    throw DataError(fmt::format("{}: {}: expected a dict of arrays and lists, found {}", file_, split_name(split),
                                found(content_)));
  ids_ = read_ids();
}

std::string MmsaSplit::where(std::string_view key) const {
  return fmt::format("{}: {}.{}", file_, split_name(split_), key);
}

const io::Value& MmsaSplit::required(std::string_view key) const {
  if (const io::Value* value = content_.find(key)) return *value;
  std::vector<std::string> known;
  for (const auto& [name, value] : content_.entries())
    if (name.kind() == Kind::text || name.kind() == Kind::bytes) known.push_back(name.text());
  throw DataError(where(key) + ": the key is missing", suggestion(key, known));
}

void MmsaSplit::require_rows(std::string_view key, std::int64_t rows) const {
  if (rows != std::int64_t(ids_.size()))
    throw DataError(fmt::format("{}: has {} rows, but {}.id has {}", where(key), rows, split_name(split_), ids_.size()),
                    "every key of a split holds one entry per clip");
}

std::vector<std::string> MmsaSplit::read_ids() const {
  const io::Value& column = required("id");
  std::vector<std::string> ids;
  if (column.kind() == Kind::array) {
    for (const std::int64_t number : column.array().to_integers(where("id"))) ids.push_back(std::to_string(number));
    return ids;
  }
  if (!is_sequence(column)) throw DataError(where("id") + ": expected a list of names, found " + found(column));
  for (std::size_t i = 0; i < column.size(); ++i) {
    std::string id;
    if (!read_text(column[i], id) || id.empty())
      throw DataError(fmt::format("{}: row {}: expected a name, found {}", where("id"), i, found(column[i])));
    ids.push_back(std::move(id));
  }
  return ids;
}

std::vector<std::string> MmsaSplit::texts(std::string_view key) const {
  const io::Value& column = required(key);
  if (!is_sequence(column)) throw DataError(where(key) + ": expected a list of texts, found " + found(column));
  require_rows(key, std::int64_t(column.size()));
  std::vector<std::string> texts(size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!read_text(column[i], texts[i]))
      throw DataError(
          fmt::format("{}: clip {}: expected text (UTF-8), found {}", where(key), ids_[i], found(column[i])));
  return texts;
}

std::vector<double> MmsaSplit::numbers(std::string_view key) const {
  const io::Value& column = required(key);
  if (column.kind() == Kind::array) {
    const io::Array& array = column.array();
    const auto rows = array.shape.empty() ? 0 : array.shape[0];
    require_rows(key, rows);
    if (array.numel() != rows)
      throw DataError(where(key) + ": expected one number per clip, found " + array.describe());
    return array.to_doubles();
  }
  if (!is_sequence(column)) throw DataError(where(key) + ": expected numbers, found " + found(column));
  require_rows(key, std::int64_t(column.size()));
  std::vector<double> numbers(size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!read_number(column[i], numbers[i]))
      throw DataError(fmt::format("{}: clip {}: expected a number, found {}", where(key), ids_[i], found(column[i])));
  return numbers;
}

std::vector<float> MmsaSplit::labels(std::string_view key, bool may_be_unknown) const {
  std::vector<float> labels;
  for (const double value : numbers(key)) {
    const auto label = static_cast<float>(value);
    if (std::isinf(label) || (std::isnan(label) && !may_be_unknown))
      throw DataError(
          fmt::format("{}: clip {}: expected a finite label, found {}", where(key), ids_[labels.size()], value));
    labels.push_back(label);
  }
  return labels;
}

std::vector<std::int64_t> MmsaSplit::lengths(std::string_view key) const {
  constexpr double kMost = 1e15;  // far beyond any array and still exact in a double
  std::vector<std::int64_t> lengths;
  for (const double value : numbers(key)) {
    if (!is_whole(value, 0, kMost))
      throw DataError(fmt::format("{}: clip {}: expected a length of 0 or more frames, found {}", where(key),
                                  ids_[lengths.size()], value));
    lengths.push_back(static_cast<std::int64_t>(value));
  }
  return lengths;
}

const io::Array& MmsaSplit::array(std::string_view key) const {
  const io::Value& column = required(key);
  if (column.kind() != Kind::array) throw DataError(where(key) + ": expected a numeric array, found " + found(column));
  require_rows(key, column.array().shape.empty() ? 0 : column.array().shape[0]);
  return column.array();
}

torch::Tensor MmsaSplit::token_ids(std::string_view key) const {
  const io::Array& stored = array(key);
  if (stored.shape.size() != 3 || stored.shape[1] != 3 || stored.shape[2] < 1)
    throw DataError(where(key) + ": expected [N, 3, L] (ids, attention mask, segments), found " + stored.describe());
  const auto length = stored.shape[2];
  const auto values = stored.to_doubles();
  auto tokens = torch::empty(stored.shape, torch::kInt32);
  auto* out = tokens.data_ptr<std::int32_t>();
  constexpr std::string_view kRows[] = {"token id", "attention mask", "segment"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto clip = i / std::size_t(3 * length), row = i / std::size_t(length) % 3;
    if (!is_whole(values[i], 0, row == 1 ? 1 : double(std::numeric_limits<std::int32_t>::max())))
      throw DataError(fmt::format("{}: clip {}: {} at position {}: expected {}, found {}", where(key), ids_[clip],
                                  kRows[row], i % std::size_t(length), row == 1 ? "0 or 1" : "a whole number",
                                  values[i]));
    out[i] = static_cast<std::int32_t>(values[i]);
  }
  return tokens;
}

}  // namespace kuda
