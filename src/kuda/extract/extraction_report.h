#pragma once
// report.csv: what became of each clip. As many rows as clips were asked for, whatever happened.
//
//   write_report(dir / "report.csv", rows);
//   for (const auto& row : read_report_rows(dir / "report.csv")) if (!row.reason.empty()) ...

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "kuda/extract/extracted_clip.h"

namespace kuda {

inline constexpr const char* kNotItsTurn = "it was stopped before its turn";  ///< reason of a clip that was not tried

struct ExtractionRow {
  std::string id, file;  ///< file: as it was found
  std::string key;       ///< names clips/KEY.safetensors; empty where it failed
  std::string reason;    ///< why it failed; empty where it did not
  ExtractionFacts facts;
  std::int64_t words = 0;
};

[[nodiscard]] std::string report_csv(const std::vector<ExtractionRow>& rows);
/// Ids, files, keys and reasons of a report. Throws FormatError and DataError naming file and line.
[[nodiscard]] std::vector<ExtractionRow> read_report_rows(const std::filesystem::path& path);

}  // namespace kuda
