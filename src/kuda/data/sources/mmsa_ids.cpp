#include "kuda/data/sources/mmsa_ids.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda {
namespace {

using Kind = io::Value::Kind;
using Parts = std::vector<std::string>;

/// The numbers of an array, each as short as its type writes it.
Parts parts_of(const io::Array& array) {
  const bool is_single = array.dtype == io::DType::f32 || array.dtype == io::DType::f16;
  Parts parts;
  for (const double number : array.to_doubles())
    parts.push_back(is_single ? fmt::format("{}", float(number)) : fmt::format("{}", number));
  return parts;
}

/// Adds the parts of a row; false for what is no name.
bool add_parts(const io::Value& value, Parts& parts) {
  if (is_sequence(value)) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (is_sequence(value[i]) || !add_parts(value[i], parts)) return false;
    return value.size() > 0;
  }
  if (value.kind() == Kind::array) {
    for (auto& part : parts_of(value.array())) parts.push_back(std::move(part));
    return value.array().numel() > 0;
  }
  std::string part;
  if (value.kind() == Kind::real && std::isfinite(value.real()))
    part = fmt::format("{}", value.real());
  else if (!read_text(value, part))
    return false;
  parts.push_back(std::move(part));
  return true;
}

/// "video$_$begin_end"
std::string joined(const Parts& parts) {
  std::string id = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i)
    id += (i == 1 && id.find("$_$") == std::string::npos ? "$_$" : "_") + parts[i];
  return id;
}

[[noreturn]] void refuse_id(const std::string& where, std::size_t row, const std::string& what) {
  throw DataError(fmt::format("{}: row {}: expected a name, found {}", where, row, what));
}

std::string joined_name(const Parts& parts, const std::string& where, std::size_t row) {
  for (const auto& part : parts) {
    if (part == "nan") refuse_id(where, row, "NaN");
    if (part.empty()) refuse_id(where, row, "text that names nothing");
    if (part.find('\0') != std::string::npos) refuse_id(where, row, "a zero byte in it");
  }
  return joined(parts);
}

/// Rows of a table [N, k] whose cells come one after the other.
std::vector<std::string> names_of_rows(Parts cells, std::size_t width, const std::string& where) {
  std::vector<std::string> ids;
  for (std::size_t first = 0; first < cells.size(); first += width)
    ids.push_back(joined_name({cells.begin() + std::ptrdiff_t(first), cells.begin() + std::ptrdiff_t(first + width)},
                              where, first / width));
  return ids;
}

std::vector<std::string> read_numbers(const io::Array& array, const std::string& where) {
  if (array.shape.size() > 2) throw DataError(where + ": expected a name per clip, found " + array.describe());
  const auto width = array.shape.size() == 2 ? std::size_t(array.shape[1]) : 1;
  if (width > 1) return names_of_rows(parts_of(array), width, where);
  std::vector<std::string> ids;
  for (const std::int64_t number : array.to_integers(where)) ids.push_back(std::to_string(number));
  return ids;
}

}  // namespace

std::vector<std::string> read_ids(const io::Value& column, const std::string& where) {
  if (is_empty_column(column)) return {};
  if (column.kind() == Kind::array) return read_numbers(column.array(), where);
  if (!is_sequence(column))
    throw DataError(where + ": expected a list of names, found " + found(column), recipe_for(column));
  const bool is_table = column.kind() == Kind::object_array && column.object_shape().size() > 1;
  if (is_table && column.object_shape().size() > 2)
    throw DataError(
        fmt::format("{}: expected a name per clip, found {} dimensions", where, column.object_shape().size()));
  const auto width = is_table ? std::size_t(column.object_shape()[1]) : 1;
  Parts cells;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < column.size(); ++i) {
    Parts parts;
    if (!add_parts(column[i], parts)) refuse_id(where, i / width, found(column[i]));
    if (is_table)
      cells.insert(cells.end(), parts.begin(), parts.end());
    else
      ids.push_back(joined_name(parts, where, i));
  }
  if (!is_table) return ids;
  if (cells.size() != column.size()) throw DataError(where + ": expected a name or a number in each cell of its rows");
  return names_of_rows(std::move(cells), width, where);
}

}  // namespace kuda
