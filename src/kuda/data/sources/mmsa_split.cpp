#include "kuda/data/sources/mmsa_split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/data/sources/mmsa_frames.h"
#include "kuda/data/sources/mmsa_ids.h"
#include "kuda/data/sources/mmsa_recipes.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda {
namespace {

using Kind = io::Value::Kind;

/// A number, or an array or list of one number; None is NaN. False for anything else.
bool read_number(const io::Value& value, double& number) {
  if (value.kind() == Kind::none)
    number = std::numeric_limits<double>::quiet_NaN();
  else if (value.kind() == Kind::boolean)
    number = value.boolean() ? 1 : 0;
  else if (value.kind() == Kind::integer || value.kind() == Kind::real)
    number = value.real();
  else if (value.kind() == Kind::array && value.array().numel() == 1)
    number = value.array().to_doubles()[0];
  else
    return is_sequence(value) && value.size() == 1 && read_number(value[0], number);
  return true;
}

bool has_zero(const std::string& text) { return text.find('\0') != std::string::npos; }

/// None or NaN, as pandas writes a cell without text.
bool is_missing(const io::Value& value) {
  return value.kind() == Kind::none || (value.kind() == Kind::real && std::isnan(value.real()));
}

bool is_whole(double value, double low, double high) {
  return value >= low && value <= high && value == std::floor(value);
}

/// Numbers of a row of text_bert as [3, L]; of one clip alone MMSA-FET writes them as [L, 3].
io::Array as_token_rows(io::Array row, bool is_single, const std::string& where) {
  if (row.shape.size() == 3 && row.shape[0] == 1) {
    row.shape.erase(row.shape.begin());
    row.strides.erase(row.strides.begin());
  }
  if (is_single && row.shape.size() == 2 && row.shape[1] == 3) {
    std::swap(row.shape[0], row.shape[1]);
    std::swap(row.strides[0], row.strides[1]);
  }
  if (row.shape.size() != 2 || row.shape[0] != 3 || row.shape[1] < 1)
    throw DataError(where + ": expected [3, L] (ids, attention mask, segments), found " + row.describe());
  return row;
}

}  // namespace

bool is_sequence(const io::Value& value) {
  return value.kind() == Kind::list || value.kind() == Kind::tuple || value.kind() == Kind::object_array;
}

bool is_empty_column(const io::Value& value) {
  return value.kind() == Kind::none || (value.kind() == Kind::array && value.array().numel() == 0) ||
         (is_sequence(value) && value.size() == 0);
}

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

std::string found(const io::Value& value) {
  return value.kind() == Kind::array    ? value.array().describe()
         : value.kind() == Kind::object ? value.text()
                                        : std::string(value.kind_name());
}

std::string recipe_for(const io::Value& value) {
  return value.kind() == Kind::object ? io::recipe_for(value.text()) : std::string();
}

std::optional<Split> split_of_key(std::string_view key) {
  const std::string name = lower_case(key);
  for (const std::string_view known : {"train", "training", "train_data", "train_set", "trainset"})
    if (name == known) return Split::train;
  for (const std::string_view known : {"valid", "val", "dev", "validation", "devel", "valid_data", "val_data",
                                       "dev_data", "valid_set", "val_set", "dev_set", "validset", "valset", "devset"})
    if (name == known) return Split::valid;
  for (const std::string_view known : {"test", "testing", "test_data", "test_set", "testset"})
    if (name == known) return Split::test;
  return std::nullopt;
}

MmsaSplit::MmsaSplit(std::string file, Split split, const io::Value& content)
    : file_(std::move(file)), prefix_(std::string(split_name(split)) + "."), split_(split), content_(content) {
  const bool is_empty = is_empty_column(content_) || (content_.kind() == Kind::dict && content_.size() == 0);
  if (is_empty) return;
  if (content_.kind() != Kind::dict)
    throw DataError(
        fmt::format("{}: {}: expected a dict of arrays and lists, found {}", file_, split_name(split), found(content_)),
        is_sequence(content_) ? recipe_for_clips(content_, false) : recipe_for(content_));
  read_own_ids();
}

MmsaSplit::MmsaSplit(std::string file, const io::Value& content, bool is_single)
    : file_(std::move(file)), split_(Split::test), is_single_(is_single), content_(content) {
  if (const io::Value* id = content_.find("id"); is_single && id != nullptr) {
    if (std::string name; read_text(*id, name) && !name.empty()) ids_ = {name};
  } else if (!is_single) {
    read_own_ids();
  }
  if (ids_.empty() && is_single) ids_ = {file_.substr(0, file_.rfind('.'))};
}

MmsaSplit MmsaSplit::without_splits(std::string file, const io::Value& content) {
  const io::Value* id = content.find("id");
  std::string name;
  return {std::move(file), content, id == nullptr || (!is_sequence(*id) && read_text(*id, name))};
}

std::string MmsaSplit::where(std::string_view key) const { return fmt::format("{}: {}{}", file_, prefix_, key); }

const io::Value& MmsaSplit::column(std::string_view key) const {
  if (content_.kind() == Kind::dict)
    if (const io::Value* value = content_.find(key)) return *value;
  std::vector<std::string> known;
  if (content_.kind() == Kind::dict)
    for (const auto& [name, value] : content_.entries())
      if (name.kind() == Kind::text || name.kind() == Kind::bytes) known.push_back(name.text());
  throw DataError(where(key) + ": the key is missing", suggestion(key, known));
}

void MmsaSplit::require_rows(std::string_view key, std::int64_t rows) const {
  if (rows != std::int64_t(ids_.size()))
    throw DataError(fmt::format("{}: has {} rows, but {}id has {}", where(key), rows, prefix_, ids_.size()),
                    "every key of a split holds one entry per clip");
}

/// The files of MulT's authors hold labels of other tasks, too: IEMOCAP's four emotions are no score.
void MmsaSplit::refuse_classes() const {
  constexpr std::string_view kKey = "labels";
  if (has("regression_labels") || !has(kKey) || column(kKey).kind() != Kind::array) return;
  const io::Array& array = column(kKey).array();
  const auto rows = array.shape.empty() ? 0 : array.shape[0];
  if (array.numel() <= rows) return;
  const bool are_emotions = array.shape.size() == 3 && array.shape[1] == 4 && array.shape[2] == 2;
  throw DataError(
      fmt::format("{}: expected one sentiment score a clip, found {}{}", where(kKey), array.describe(),
                  are_emotions ? ": four emotions, each yes or no, as the IEMOCAP file of MulT's authors has "
                                 "them, which are classes and no score"
                               : ""),
      are_emotions ? "kuda learns one score a clip; clips without labels can be scored: del v['labels'] of "
                     "each split v, and pickle it again"
                   : recipe_for_labels(std::string(kKey), column(kKey)));
}

void MmsaSplit::read_own_ids() {
  refuse_classes();
  if (!has("id")) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : content_.entries())
      if (key.kind() == Kind::text) keys.push_back(key.text());
    if (nearest_name("id", keys).find("id") != std::string::npos) (void)column("id");  // names it
    for (const char* key : {"vision", "audio", "text", "raw_text"})
      if (has(key))
        throw DataError(where("id") + ": the key is missing",
                        fmt::format("name the clips, in Python for each split s: v = d[s]; v['id'] = [f'{{s}}_{{i}}' "
                                    "for i in range(len(v['{}']))]",
                                    key));
  }
  ids_ = read_ids(column("id"), where("id"));
}

std::vector<std::string> MmsaSplit::texts(std::string_view key) const {
  const io::Value& values = column(key);
  if (size() == 0 && is_empty_column(values)) return {};
  if (std::string text; is_single_ && read_text(values, text)) return {text};
  if (!is_sequence(values))
    throw DataError(where(key) + ": expected a list of texts, found " + found(values), recipe_for(values));
  require_rows(key, std::int64_t(values.size()));
  std::vector<std::string> texts(size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!is_missing(values[i]) && !read_text(values[i], texts[i]))
      throw DataError(
          fmt::format("{}: clip {}: expected text (UTF-8), found {}", where(key), ids_[i], found(values[i])),
          is_sequence(values[i])
              ? fmt::format("join the words, in Python: v['{0}'] = [' '.join(x) for x in v['{0}']]", key)
              : recipe_for(values[i]));
    if (has_zero(texts[i]))
      throw DataError(fmt::format("{}: clip {}: a zero byte in its text", where(key), ids_[i]),
                      "leave it out: text.replace('\\0', '')");
  }
  return texts;
}

std::vector<double> MmsaSplit::numbers(std::string_view key) const {
  const io::Value& values = column(key);
  if (size() == 0 && is_empty_column(values)) return {};
  if (double number = 0; is_single_ && read_number(values, number)) return {number};
  if (values.kind() == Kind::array) {
    const io::Array& array = values.array();
    const auto rows = array.shape.empty() ? 0 : array.shape[0];
    require_rows(key, rows);
    if (array.numel() != rows)
      throw DataError(where(key) + ": expected one number per clip, found " + array.describe(),
                      recipe_for_labels(std::string(key), values));
    return array.to_doubles();
  }
  if (!is_sequence(values))
    throw DataError(where(key) + ": expected numbers, found " + found(values), recipe_for(values));
  require_rows(key, std::int64_t(values.size()));
  std::vector<double> numbers(size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!read_number(values[i], numbers[i]))
      throw DataError(fmt::format("{}: clip {}: expected a number, found {}", where(key), ids_[i], found(values[i])),
                      recipe_for_labels(std::string(key), values[i]));
  return numbers;
}

std::vector<float> MmsaSplit::labels(std::string_view key) const {
  std::vector<float> labels;
  for (const double value : numbers(key)) {
    const auto label = static_cast<float>(value);
    if (std::isinf(label))
      throw DataError(
          fmt::format("{}: clip {}: expected a label that float32 holds, or NaN where it is unknown, found {}",
                      where(key), ids_[labels.size()], value));
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

std::vector<io::Array> MmsaSplit::token_rows(std::string_view key) const {
  const io::Value& values = column(key);
  const std::string name = where(key);
  if (size() == 0 && is_empty_column(values)) return {};
  if (is_single_) return {as_token_rows(numbers_of(values, name), true, name)};
  if (values.kind() != Kind::array && !is_sequence(values))
    throw DataError(name + ": expected token ids [N, 3, L], found " + found(values), recipe_for(values));
  const bool is_list =
      is_sequence(values) && (values.kind() != Kind::object_array || values.object_shape().size() == 1);
  std::vector<io::Array> rows;
  if (is_list) {
    require_rows(key, std::int64_t(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto own = fmt::format("{}: clip {}", name, ids_[i]);
      rows.push_back(as_token_rows(numbers_of(values[i], own), false, own));
    }
    return rows;
  }
  const io::Array all = numbers_of(values, name);
  require_rows(key, all.shape.empty() ? 0 : all.shape[0]);
  if (all.shape.size() != 3 || all.shape[1] != 3 || all.shape[2] < 1)
    throw DataError(name + ": expected [N, 3, L] (ids, attention mask, segments), found " + all.describe());
  for (std::int64_t i = 0; i < all.shape[0]; ++i) {
    io::Array row = all;
    row.shape.erase(row.shape.begin());
    row.strides.erase(row.strides.begin());
    row.data += i * all.strides[0] * std::int64_t(io::item_size(all.dtype));
    rows.push_back(std::move(row));
  }
  return rows;
}

torch::Tensor MmsaSplit::token_ids(std::string_view key) const {
  const auto rows = token_rows(key);
  std::int64_t length = 0;
  for (const io::Array& row : rows) length = std::max(length, row.shape[1]);
  auto tokens = torch::zeros({std::int64_t(rows.size()), 3, length}, torch::kInt32);
  auto* out = tokens.data_ptr<std::int32_t>();
  constexpr std::string_view kRows[] = {"token id", "attention mask", "segment"};
  for (std::size_t clip = 0; clip < rows.size(); ++clip, out += 3 * length) {
    const auto values = rows[clip].to_doubles();
    const auto own = std::size_t(rows[clip].shape[1]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto row = i / own;
      if (!is_whole(values[i], 0, row == 1 ? 1 : double(std::numeric_limits<std::int32_t>::max())))
        throw DataError(fmt::format("{}: clip {}: {} at position {}: expected {}, found {}", where(key), ids_[clip],
                                    kRows[row], i % own, row == 1 ? "0 or 1" : "a whole number", values[i]));
      out[row * std::size_t(length) + i % own] = static_cast<std::int32_t>(values[i]);
    }
  }
  return tokens;
}

}  // namespace kuda
