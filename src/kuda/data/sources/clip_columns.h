#pragma once
// Private to the reader of clip tables: which column is what, and what a cell means, in the spellings that people use.
//
//   const ClipColumns columns = find_clip_columns(table, ClipTable::mmsa);
//   if (columns.text) use(row[*columns.text]);

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/io/csv.h"

namespace kuda {

/// Places of columns in a row.
struct ClipColumns {
  std::size_t video = 0;            ///< video_id; a column of whole ids ("video$_$clip") where there is no other
  std::optional<std::size_t> clip;  ///< clip_id; without one an id is whole
  std::size_t split = 0;
  std::optional<std::size_t> text, label;
  PerModality<std::optional<std::size_t>> unimodal_labels;
  [[nodiscard]] bool is_used(std::size_t column) const;
  std::vector<std::string> notes;     ///< what was taken for what, and which columns are not used
  std::vector<std::string> warnings;  ///< columns that are not used although their name is nearly one of ours
};

/// Columns by their names, else by names that differ in case, spaces and dashes, else by known other names ("sentiment"
/// for label). Throws DataError for a table without ids or splits, and where two columns could be one.
[[nodiscard]] ClipColumns find_clip_columns(const io::CsvTable& table, ClipTable layout);

/// How a label was written, where that is worth a note.
enum class LabelForm {
  plain,
  decimal_comma,  ///< 0,5
  word,           ///< negative, neutral, positive, as MELD has them: -1, 0, 1
};
/// NaN for "", NA, NaN, null and their like; nothing for what is no finite number and none of those words.
[[nodiscard]] std::optional<float> label_of(std::string_view cell, LabelForm* form = nullptr);
inline constexpr const char* kLabelWords = "negative = -1, neutral = 0, positive = 1";

/// train, valid or test by any name that people give them ("Val", "dev"); nothing for another word.
[[nodiscard]] std::optional<Split> split_of(std::string_view cell);

}  // namespace kuda
