#include "kuda/extract/extraction_report.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

/// To the millisecond.
std::string seconds_cell(double seconds) { return fmt::format("{:.3f}", seconds); }

std::string missing_cell(const ExtractionFacts& facts) {
  std::string text;
  for (const auto modality : kModalities)
    if (!facts.missing[modality].empty())
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", modality_name(modality), facts.missing[modality]);
  return text;
}

}  // namespace

std::string report_csv(const std::vector<ExtractionRow>& rows) {
  auto text = io::csv_line({"id", "status", "reason", "missing", "seconds", "declared_seconds", "cut_short", "pictures",
                            "pictures_with_face", "faces", "speaker_margin", "speech_seconds", "words", "repeated",
                            "corrupt_pictures", "decode_errors", "file", "key"});
  for (const auto& row : rows) {
    const auto& facts = row.facts;
    std::vector<std::string> cells{row.id, row.reason.empty() ? "ok" : "failed", row.reason};
    if (row.reason.empty())
      cells.insert(cells.end(), {missing_cell(facts), seconds_cell(facts.seconds),
                                 facts.declared_seconds ? seconds_cell(*facts.declared_seconds) : "",
                                 facts.cut_short ? "true" : "false", std::to_string(facts.pictures),
                                 std::to_string(facts.pictures_with_face), std::to_string(facts.faces),
                                 fmt::format("{:.3f}", facts.speaker_margin), seconds_cell(facts.speech_seconds),
                                 std::to_string(row.words), facts.repeated ? "true" : "false",
                                 std::to_string(facts.corrupt_pictures), std::to_string(facts.decode_errors)});
    else
      cells.resize(16);
    cells.insert(cells.end(), {row.file, row.key});
    text += io::csv_line(cells);
  }
  return text;
}

std::vector<ExtractionRow> read_report_rows(const std::filesystem::path& path) {
  const auto table = io::read_csv(path);
  const auto id = table.column("id"), status = table.column("status"), reason = table.column("reason"),
             file = table.column("file"), key = table.column("key");
  std::vector<ExtractionRow> rows;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& cells = table.rows[i];
    const auto expected = [&](std::size_t column, const std::string& what) {
      return DataError(fmt::format("{}:{}: {}: expected {}, found '{}'", path.string(), table.lines[i],
                                   table.header[column], what, cells[column]));
    };
    if (cells[status] != "ok" && cells[status] != "failed") throw expected(status, "ok or failed");
    const bool is_ok = cells[status] == "ok";
    if (is_ok && (cells[key].size() != 64 || cells[key].find_first_not_of("0123456789abcdef") != std::string::npos))
      throw expected(key, "64 hexadecimal digits");
    if (is_ok != cells[reason].empty()) throw expected(reason, is_ok ? "nothing" : "a reason");
    rows.push_back({cells[id], cells[file], is_ok ? cells[key] : "", cells[reason], {}, 0});
  }
  return rows;
}

}  // namespace kuda
