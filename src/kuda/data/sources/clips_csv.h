#pragma once
// Tables with one clip per line: clips.csv of prepared folders and label.csv of MMSA.

#include <filesystem>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/io/csv.h"

namespace kuda {

/// The spelling of two layouts.
enum class ClipTable {
  prepared,  ///< column split; text and labels may be empty
  mmsa,      ///< column mode instead of split; further columns (annotation) are passed over
};

/// A file of a table, by its name: .csv, .tsv or .txt, in any case. Throws DataError, with what to do, for a
/// spreadsheet.
[[nodiscard]] bool is_table(const std::filesystem::path& path);

/// Columns are found by name: video_id, clip_id, split (or mode) and text; label, label_T, label_A, label_V where
/// present. Other spellings of tables, names, splits and unknown labels are read too, and a note in the log says what
/// was taken for what (clip_columns.h, io/csv_form.h). Throws FormatError and DataError naming file, line and column.
[[nodiscard]] std::vector<Clip> read_clips_csv(const std::filesystem::path& path, ClipTable layout);
/// The same of a table at hand.
[[nodiscard]] std::vector<Clip> clips_of_table(io::CsvTable table, ClipTable layout);

/// The whole table as text, columns as the prepared folder has them. Labels read back to the same float.
[[nodiscard]] std::string clips_to_csv(const std::vector<Clip>& clips);

}  // namespace kuda
