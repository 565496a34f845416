#include "kuda/data/sources/mmsa_frames.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/data/sources/mmsa_recipes.h"

namespace kuda {
namespace {

using Kind = io::Value::Kind;
using Shape = std::vector<std::int64_t>;

Shape append_numbers(const io::Value& value, std::vector<double>& out, const std::string& where);

/// Items [first, first + count) one after the other; their shape, which is the same for all.
Shape append_items(const io::Value& value, std::size_t first, std::size_t count, std::vector<double>& out,
                   const std::string& where) {
  Shape shape;
  for (std::size_t i = 0; i < count; ++i) {
    auto own = append_numbers(value[first + i], out, where);
    if (i > 0 && own != shape)
      throw DataError(fmt::format("{}: item {} of a list has shape [{}], those before it [{}]", where, i,
                                  fmt::join(own, ", "), fmt::join(shape, ", ")),
                      "the frames of a clip are lists of equal length");
    shape = std::move(own);
  }
  return shape;
}

Shape append_numbers(const io::Value& value, std::vector<double>& out, const std::string& where) {
  switch (value.kind()) {
    case Kind::boolean:
      out.push_back(value.boolean() ? 1.0 : 0.0);
      return {};
    case Kind::integer:
    case Kind::real:
      out.push_back(value.real());
      return {};
    case Kind::array:
      for (const double number : value.array().to_doubles()) out.push_back(number);
      return value.array().shape;
    case Kind::list:
    case Kind::tuple:
    case Kind::object_array: {
      Shape shape = value.kind() == Kind::object_array ? value.object_shape() : Shape{std::int64_t(value.size())};
      const auto inner = append_items(value, 0, value.size(), out, where);
      shape.insert(shape.end(), inner.begin(), inner.end());
      return shape;
    }
    default:
      throw DataError(fmt::format("{}: expected numbers, found {}", where, found(value)),
                      value.kind() == Kind::text
                          ? "texts go under raw_text; features are numbers: numpy.asarray(x).astype('float32')"
                          : recipe_for(value));
  }
}

/// Clip i of the values under a key: an item of a list, or a row of an object array.
io::Array clip_of(const io::Value& column, std::size_t i, std::size_t clips, const std::string& where) {
  const std::size_t items = clips == 0 ? 0 : column.size() / clips;
  if (column.kind() != Kind::object_array || column.object_shape().size() == 1) {
    if (column[i].kind() == Kind::none) return io::make_array({0}, std::vector<float>{});  // the clip has none
    return numbers_of(column[i], where);
  }
  std::vector<double> numbers;
  Shape shape(column.object_shape().begin() + 1, column.object_shape().end());
  const auto inner = append_items(column, i * items, items, numbers, where);
  shape.insert(shape.end(), inner.begin(), inner.end());
  return io::make_array(std::move(shape), numbers);
}

/// [L, D] as [1, L, D]; nothing at all as no frames, whose width is that of the other clips.
io::Array with_clip_axis(io::Array clip, std::int64_t width, const std::string& where) {
  if (clip.shape.size() == 3 && clip.shape[0] == 1) return clip;
  if (clip.numel() == 0) {
    clip.shape = {1, 0, width};
    clip.strides = io::contiguous_strides(clip.shape);
    return clip;
  }
  if (clip.shape.size() != 2)
    throw DataError(fmt::format("{}: expected frames [L, D], found {}", where, clip.describe()),
                    recipe_for_frames(clip.shape, true));
  clip.shape.insert(clip.shape.begin(), 1);
  clip.strides.insert(clip.strides.begin(), clip.strides[0] * clip.shape[1]);
  return clip;
}

MmsaFrames frames_of_list(const MmsaSplit& split, std::string_view key, const io::Value& column) {
  std::vector<io::Array> clips;
  std::int64_t width = 0;
  const auto where = [&](std::size_t i) { return fmt::format("{}: clip {}", split.where(key), split.ids()[i]); };
  for (std::size_t i = 0; i < split.size(); ++i) {
    clips.push_back(clip_of(column, i, split.size(), where(i)));
    if (width == 0 && clips.back().numel() > 0) width = clips.back().shape.back();
  }
  if (width == 0) throw DataError(split.where(key) + ": no clip has a frame");
  MmsaFrames frames;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    auto clip = with_clip_axis(std::move(clips[i]), width, where(i));
    frames.is_ragged = frames.is_ragged || (i > 0 && clip.shape[1] != frames.parts.front().array.shape[1]);
    frames.parts.push_back({std::move(clip), where(i)});
  }
  return frames;
}

}  // namespace

io::Array numbers_of(const io::Value& value, const std::string& where) {
  if (value.kind() == Kind::array) return value.array();
  std::vector<double> numbers;
  auto shape = append_numbers(value, numbers, where);
  return io::make_array(std::move(shape), numbers);
}

MmsaFrames read_frames(const MmsaSplit& split, std::string_view key) {
  const io::Value& column = split.column(key);
  if (split.size() == 0 && is_empty_column(column)) return {};
  if (split.is_single()) {
    const auto where = split.where(key);
    auto clip = numbers_of(column, where);
    const auto width = clip.shape.empty() ? 0 : clip.shape.back();
    return {{{with_clip_axis(std::move(clip), width, where), where}}, false};
  }
  if (column.kind() == Kind::array) {
    split.require_rows(key, column.array().shape.empty() ? 0 : column.array().shape[0]);
    return {{{column.array(), split.where(key)}}, false};
  }
  if (!is_sequence(column))
    throw DataError(
        fmt::format("{}: expected arrays or lists of frames, found {}", split.where(key), found(column)),
        column.kind() == Kind::dict && column.size() > 0 && column.entries().front().first.kind() == Kind::text
            ? fmt::format("take what it holds, in Python for each split v: v['{0}'] = v['{0}']['{1}']", key,
                          column.entries().front().first.text())
            : recipe_for(column));
  const auto rows = column.kind() == Kind::object_array && !column.object_shape().empty() ? column.object_shape()[0]
                                                                                          : std::int64_t(column.size());
  split.require_rows(key, rows);
  return frames_of_list(split, key, column);
}

}  // namespace kuda
