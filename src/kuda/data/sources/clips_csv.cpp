#include "kuda/data/sources/clips_csv.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
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

class Reader {
 public:
  Reader(io::CsvTable& table, ClipTable layout)
      : table_(table),
        video_(table.column("video_id")),
        clip_(table.column("clip_id")),
        split_(table.column(layout == ClipTable::mmsa ? "mode" : "split")),
        text_(column_or_absent("text")),
        label_(column_or_absent("label")) {
    for (const auto m : kModalities) unimodal_labels_[m] = column_or_absent(fmt::format("label_{}", letter(m)));
  }

  /// Takes the names and the text of that row away.
  [[nodiscard]] Clip clip(std::size_t row) {
    auto& cells = table_.rows[row];
    if (cells[video_].empty()) throw error(row, video_, "a name");
    Clip clip;
    clip.split = split(row);
    clip.label = label(row, label_);
    for (const auto m : kModalities) clip.unimodal_labels[m] = label(row, unimodal_labels_[m]);
    clip.video_id = std::move(cells[video_]);
    clip.clip_id = std::move(cells[clip_]);
    if (text_ != kAbsent) clip.text = std::move(cells[text_]);
    return clip;
  }

 private:
  static constexpr std::size_t kAbsent = std::size_t(-1);

  [[nodiscard]] std::size_t column_or_absent(const std::string& name) const {
    return table_.has_column(name) ? table_.column(name) : kAbsent;
  }
  [[nodiscard]] DataError error(std::size_t row, std::size_t column, std::string_view expected) const {
    return DataError(fmt::format("{}:{}: {}: expected {}, found '{}'", table_.path.string(), table_.lines[row],
                                 table_.header[column], expected, table_.rows[row][column]));
  }
  [[nodiscard]] Split split(std::size_t row) const {
    for (const Split known : kSplits)
      if (table_.rows[row][split_] == split_name(known)) return known;
    throw error(row, split_, "train, valid or test");
  }
  [[nodiscard]] float label(std::size_t row, std::size_t column) const {
    if (column == kAbsent || table_.rows[row][column].empty()) return kUnknown;
    const std::string& cell = table_.rows[row][column];
    float value = 0;
    const auto* end = cell.data() + cell.size();
    const auto result = std::from_chars(cell.data() + (cell.front() == '+' ? 1 : 0), end, value);
    if (result.ec != std::errc() || result.ptr != end || !std::isfinite(value))
      throw error(row, column, "a finite number or nothing");
    return value;
  }

  io::CsvTable& table_;
  std::size_t video_, clip_, split_, text_, label_;
  PerModality<std::size_t> unimodal_labels_;
};

}  // namespace

std::vector<Clip> read_clips_csv(const std::filesystem::path& path, ClipTable layout) {
  auto table = io::read_csv(path);
  Reader reader(table, layout);
  std::vector<Clip> clips;
  clips.reserve(table.rows.size());
  for (std::size_t row = 0; row < table.rows.size(); ++row) clips.push_back(reader.clip(row));
  return clips;
}

std::string clips_to_csv(const std::vector<Clip>& clips) {
  std::string csv = io::csv_line({"video_id", "clip_id", "split", "text", "label", "label_T", "label_A", "label_V"});
  for (const Clip& clip : clips) {
    const auto own = [&](Modality m) { return digits(clip.unimodal_labels[m]); };
    csv += io::csv_line({clip.video_id, clip.clip_id, std::string(split_name(clip.split)), clip.text,
                         digits(clip.label), own(Modality::text), own(Modality::audio), own(Modality::vision)});
  }
  return csv;
}

}  // namespace kuda
