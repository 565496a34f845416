#include "kuda/data/sources/clips_csv.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

/// The shortest text that reads back to the same float; nothing for an unknown label.
std::string digits(float value) {
  if (std::isnan(value)) return {};
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

constexpr std::string_view kIdSeparator = "$_$";  ///< between the parts of a whole id

bool has_letter(std::string_view cell) {
  return !cell.empty() && ((cell[0] >= 'a' && cell[0] <= 'z') || (cell[0] >= 'A' && cell[0] <= 'Z'));
}

class Reader {
 public:
  Reader(io::CsvTable& table, const ClipColumns& columns) : table_(table), columns_(columns) {}

  /// Takes the names and the text of that row away.
  [[nodiscard]] Clip clip(std::size_t row) {
    auto& cells = table_.rows[row];
    if (cells[columns_.video].empty()) throw table_.wrong(row, columns_.video, "a name");
    Clip clip;
    clip.split = split(row);
    clip.label = label(row, columns_.label);
    for (const auto m : kModalities) clip.unimodal_labels[m] = label(row, columns_.unimodal_labels[m]);
    clip.video_id = std::move(cells[columns_.video]);
    if (columns_.clip) {
      clip.clip_id = std::move(cells[*columns_.clip]);
    } else if (const auto at = clip.video_id.rfind(kIdSeparator); at != std::string::npos) {
      clip.clip_id = clip.video_id.substr(at + kIdSeparator.size());
      clip.video_id.resize(at);
    }
    if (columns_.text) clip.text = std::move(cells[*columns_.text]);
    return clip;
  }

  /// What was read otherwise than it stands there.
  [[nodiscard]] std::vector<std::string> notes() const {
    std::vector<std::string> notes;
    for (const auto& [word, split] : other_words_)
      notes.push_back(fmt::format("{} '{}' is taken for {}", table_.header[columns_.split], word, split_name(split)));
    for (const auto& [column, cells] : decimal_commas_)
      notes.push_back(fmt::format("{}: {} decimal commas are read as points", column, cells));
    return notes;
  }

  /// Words that became numbers: whoever trains on them should know. Throws DataError where words and numbers are mixed,
  /// since which number a word stands for depends on their scale.
  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> warnings;
    for (const auto& [column, cells] : words_) {
      if (const auto number = numbers_.find(column); number != numbers_.end())
        throw table_.wrong(number->second, table_.column(column), "a word, as the other cells have it",
                           "which number a word stands for depends on the scale: write numbers in all rows");
      warnings.push_back(fmt::format("{}: {} words are read as numbers: {}", column, cells, kLabelWords));
    }
    return warnings;
  }

 private:
  [[nodiscard]] Split split(std::size_t row) {
    const std::string& cell = table_.rows[row][columns_.split];
    const auto split = split_of(cell);
    if (!split) throw table_.wrong(row, columns_.split, "train, valid or test");
    if (cell != split_name(*split)) other_words_.emplace(cell, *split);
    return *split;
  }
  [[nodiscard]] float label(std::size_t row, const std::optional<std::size_t>& column) {
    if (!column) return kUnknown;
    auto form = LabelForm::plain;
    const auto value = label_of(table_.rows[row][*column], &form);
    if (!value)
      throw table_.wrong(row, *column, "a finite number or nothing",
                         has_letter(table_.rows[row][*column])
                             ? fmt::format("kuda learns scores; of words only these are read: {}", kLabelWords)
                             : "");
    const std::string& name = table_.header[*column];
    if (form == LabelForm::decimal_comma) ++decimal_commas_[name];
    if (form == LabelForm::word)
      ++words_[name];
    else if (!std::isnan(*value))
      numbers_.emplace(name, row);
    return *value;
  }

  io::CsvTable& table_;
  const ClipColumns& columns_;
  std::map<std::string, Split> other_words_;
  std::map<std::string, std::size_t> decimal_commas_, words_;  // by column: how many
  std::map<std::string, std::size_t> numbers_;                 // by column: the first row
};

}  // namespace

bool is_table(const std::filesystem::path& path) {
  const auto extension = lower_case(path.extension().string());
  if (extension == ".xlsx" || extension == ".xls" || extension == ".ods")
    throw DataError(path.string() + ": expected a table as text (.csv), found a spreadsheet",
                    "save it as CSV UTF-8, or: python: import pandas; pandas.read_excel('" + path.string() +
                        "', dtype=str).to_csv('label.csv', index=False)");
  return extension == ".csv" || extension == ".tsv" || extension == ".txt";
}

std::vector<Clip> read_clips_csv(const std::filesystem::path& path, ClipTable layout) {
  return clips_of_table(io::read_any_csv(path), layout);
}

std::vector<Clip> clips_of_table(io::CsvTable table, ClipTable layout) {
  const ClipColumns columns = find_clip_columns(table, layout);
  Reader reader(table, columns);
  std::vector<Clip> clips;
  clips.reserve(table.rows.size());
  for (std::size_t row = 0; row < table.rows.size(); ++row) clips.push_back(reader.clip(row));
  auto notes = table.notes;
  if (!columns.label) notes.emplace_back("no column of labels: these clips can be scored, not trained on");
  for (const auto& more : {columns.notes, reader.notes()}) notes.insert(notes.end(), more.begin(), more.end());
  const auto file = table.path.string();
  if (!notes.empty()) log_info("{}: {}", file, join(notes, "; "));
  for (const auto& warnings : {columns.warnings, reader.warnings()})
    for (const auto& warning : warnings) log_warning("{}: {}", file, warning);
  return clips;
}

std::string clips_to_csv(const std::vector<Clip>& clips) {
  std::string csv = io::csv_line({"video_id", "clip_id", "split", "text", "label", "label_T", "label_A", "label_V"});
  for (const Clip& clip : clips) {
    for (const auto* text : {&clip.video_id, &clip.clip_id, &clip.text})
      if (text->find('\0') != std::string::npos)
        throw DataError(fmt::format("clip {}: a zero byte in its id or text, which no table can hold", clip.id()));
    const auto own = [&](Modality m) { return digits(clip.unimodal_labels[m]); };
    csv += io::csv_line({clip.video_id, clip.clip_id, std::string(split_name(clip.split)), clip.text,
                         digits(clip.label), own(Modality::text), own(Modality::audio), own(Modality::vision)});
  }
  return csv;
}

}  // namespace kuda
