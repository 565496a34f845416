#include "kuda/data/sources/clip_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"

namespace kuda {
namespace {

using Spellings = std::vector<std::string_view>;

/// Other names of the columns, as plain() gives them. MELD has dialogues and utterances, CMU-MOSEI's own tables
/// "video" and "sentiment", CH-SIMSv2 "label_M".
const Spellings kVideo{"video", "vid", "videoname", "dialogueid"};
const Spellings kWholeId{"id", "ids", "key", "name", "sampleid", "segmentkey"};
const Spellings kClip{"clip", "clipno", "clipnumber", "segment", "segmentid", "segid", "utteranceid", "uttid"};
const Spellings kSplit{"split", "mode", "set", "partition", "subset"};
const Spellings kText{"rawtext", "transcript", "transcription", "sentence", "utterance", "content"};
const Spellings kLabel{"labels", "labelm",    "regressionlabel", "regressionlabels",
                       "score",  "sentiment", "sentimentscore"};
const PerModality<Spellings> kOwnLabel{
    Spellings{"labeltext", "textlabel", "regressionlabelst"},
    Spellings{"labelvision", "labelvideo", "visionlabel", "videolabel", "regressionlabelsv"},
    Spellings{"labelaudio", "audiolabel", "regressionlabelsa"},
};

/// Without spaces around, those of no width or no break that spreadsheets and web pages leave included.
std::string_view trimmed(std::string_view text) {
  constexpr std::array<std::string_view, 7> kSpaces{" ", "\t", "\r", "\n", "\xC2\xA0", "\xE3\x80\x80", "\xE2\x80\x8B"};
  for (bool is_done = false; !is_done;) {
    is_done = true;
    for (const auto space : kSpaces) {
      if (text.starts_with(space))
        text.remove_prefix(space.size());
      else if (text.ends_with(space))
        text.remove_suffix(space.size());
      else
        continue;
      is_done = false;
    }
  }
  return text;
}

/// "Label T" and "label_T" as "labelt".
std::string plain(std::string_view name) {
  std::string result = lower_case(trimmed(name));
  std::erase_if(result, [](char c) { return c == ' ' || c == '_' || c == '-' || c == '.'; });
  return result;
}

class Finder {
 public:
  explicit Finder(const io::CsvTable& table) : table_(table), is_used_(table.header.size(), false) {}

  /// The column `name`, else one of nearly that name, else one of its other names.
  std::optional<std::size_t> find(const std::string& name, const Spellings& others, bool is_label = false) {
    std::optional<std::size_t> column;
    if (table_.has_column(name)) column = table_.column(name);
    if (!column) column = only(name, {plain(name)}, false);
    if (!column) column = only(name, others, is_label);
    if (!column) {
      absent_.push_back(name);
      return std::nullopt;
    }
    is_used_[*column] = true;
    if (table_.header[*column] != name)
      notes.push_back(fmt::format("'{}' is taken for {}", table_.header[*column], name));
    return column;
  }

  /// The columns that nobody took. Those of MMSA's own tables need no words.
  void name_unused() {
    std::vector<std::string> unused;
    const bool lacks_label = std::find(absent_.begin(), absent_.end(), "label") != absent_.end();
    for (std::size_t column = 0; column < is_used_.size(); ++column) {
      const std::string& name = table_.header[column];
      if (is_used_[column] || plain(name) == "annotation" || (name.empty() && is_empty(column))) continue;
      unused.push_back(name.empty() ? fmt::format("column {} (no name)", column + 1) : name);
      if (lacks_label && std::find(kLabel.begin(), kLabel.end(), plain(name)) != kLabel.end())
        warnings.push_back(fmt::format(
            "the column '{}' holds words, no scores ('{}'), so the clips have no label; to give them scores, in "
            "Python: "
            "t = pandas.read_csv(FILE); t['label'] = t['{}'].map({{'WORD': SCORE, ...}}); t.to_csv(FILE, index=False)",
            name, first_word(column), name));
      if (const auto near = nearest_name(lower_case(name), absent_); name.size() > 3 && !near.empty())
        warnings.push_back(fmt::format("the column '{}' is not used: did you mean '{}'?", name, near));
    }
    if (!unused.empty()) notes.push_back("columns not used: " + join(unused));
  }

  std::vector<std::string> notes, warnings;

 private:
  /// The only free column with one of these names. A column of other words ("joy") is no label, whatever its name.
  [[nodiscard]] std::optional<std::size_t> only(const std::string& name, const Spellings& names, bool is_label) const {
    std::vector<std::size_t> found;
    for (std::size_t column = 0; column < is_used_.size(); ++column)
      if (!is_used_[column] && std::find(names.begin(), names.end(), plain(table_.header[column])) != names.end() &&
          (!is_label || holds_labels(column)))
        found.push_back(column);
    if (found.size() > 1)
      throw DataError(fmt::format("{}: no column '{}', and both '{}' and '{}' could be it", table_.path.string(), name,
                                  table_.header[found[0]], table_.header[found[1]]),
                      fmt::format("rename the right one to {}", name));
    return found.empty() ? std::nullopt : std::optional(found.front());
  }

  /// The first cell that is no label.
  [[nodiscard]] std::string first_word(std::size_t column) const {
    for (const auto& row : table_.rows)
      if (!label_of(row[column])) return row[column];
    return {};
  }

  [[nodiscard]] bool is_empty(std::size_t column) const {  // commas at the end of all lines make such
    return std::all_of(table_.rows.begin(), table_.rows.end(), [&](const auto& row) { return row[column].empty(); });
  }

  [[nodiscard]] bool holds_labels(std::size_t column) const {
    return std::all_of(table_.rows.begin(), table_.rows.end(),
                       [&](const auto& row) { return label_of(row[column]).has_value(); });
  }

  const io::CsvTable& table_;
  std::vector<bool> is_used_;
  std::vector<std::string> absent_;
};

[[noreturn]] void fail_without(const io::CsvTable& table, const std::string& name, const std::string& hint) {
  throw DataError(fmt::format("{}: no column '{}', found: {}", table.path.string(), name, join(table.header)), hint);
}

/// Without clip numbers each row needs a name of its own.
void require_unique(const io::CsvTable& table, std::size_t column) {
  std::set<std::string_view> seen;
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    if (!seen.insert(table.rows[row][column]).second)
      throw DataError(fmt::format("{}:{}: no column 'clip_id', and {} '{}' comes twice", table.path.string(),
                                  table.lines[row], table.header[column], table.rows[row][column]),
                      "add a column clip_id; known columns: " + join(table.header));
}

}  // namespace

ClipColumns find_clip_columns(const io::CsvTable& table, ClipTable layout) {
  Finder finder(table);
  ClipColumns columns;
  auto video = finder.find("video_id", kVideo);
  columns.clip = finder.find("clip_id", kClip);
  const bool is_whole = !video;
  if (is_whole) video = finder.find("id", kWholeId);
  if (!video) fail_without(table, "video_id", suggestion("video_id", table.header));
  columns.video = *video;
  if (!columns.clip && !is_whole) require_unique(table, *video);
  const std::string split_name = layout == ClipTable::mmsa ? "mode" : "split";
  const auto split = finder.find(split_name, kSplit);
  if (!split)
    fail_without(
        table, split_name,
        fmt::format("add a column {0} with train, valid or test; of one file per split, in Python, with pandas: "
                    "pandas.concat([pandas.read_csv(FILE).assign({0}='train'), ...])"
                    ".to_csv('label.csv', index=False)",
                    split_name));
  columns.split = *split;
  columns.text = finder.find("text", kText);
  columns.label = finder.find("label", kLabel, true);
  for (const auto m : kModalities)
    columns.unimodal_labels[m] = finder.find(fmt::format("label_{}", letter(m)), kOwnLabel[m], true);
  finder.name_unused();
  columns.notes = std::move(finder.notes);
  columns.warnings = std::move(finder.warnings);
  return columns;
}

bool ClipColumns::is_used(std::size_t column) const {
  return column == video || column == clip || column == split || column == text || column == label ||
         std::find(unimodal_labels.begin(), unimodal_labels.end(), column) != unimodal_labels.end();
}

std::optional<float> label_of(std::string_view cell, LabelForm* form) {
  static const std::set<std::string> kUnknownWords{"",     "na",   "n/a",  "#n/a", "<na>", "nan",
                                                   "-nan", "null", "none", "nil",  "-",    "?"};
  static const std::map<std::string, float> kWords{{"negative", -1}, {"neutral", 0}, {"positive", 1}};
  std::string text = lower_case(trimmed(cell));
  if (kUnknownWords.contains(text)) return kUnknown;
  if (const auto word = kWords.find(text); word != kWords.end()) {
    if (form != nullptr) *form = LabelForm::word;
    return word->second;
  }
  if (text.starts_with("\xE2\x88\x92")) text.replace(0, 3, "-");  // U+2212, the minus sign of word processors
  const auto comma = text.find(',');
  const bool is_decimal_comma = comma != std::string::npos &&
                                text.find_first_of(",.", comma + 1) == std::string::npos &&
                                text.find('.') == std::string::npos;
  if (is_decimal_comma) text[comma] = '.';
  float value = 0;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + (text.front() == '+' ? 1 : 0), end, value);
  if (result.ec != std::errc() || result.ptr != end || !std::isfinite(value)) return std::nullopt;
  if (form != nullptr && is_decimal_comma) *form = LabelForm::decimal_comma;
  return value;
}

std::optional<Split> split_of(std::string_view cell) {
  static const std::array<std::set<std::string>, 3> kWords{
      std::set<std::string>{"train", "training", "trn", "tr"},
      std::set<std::string>{"valid", "val", "validation", "validate", "dev", "devel", "development", "eval"},
      std::set<std::string>{"test", "testing", "tst"}};
  const std::string word = lower_case(trimmed(cell));
  for (const Split split : kSplits)
    if (kWords[std::size_t(split)].contains(word)) return split;
  return std::nullopt;
}

}  // namespace kuda
