// Which check a golden file gets.

#include <fmt/format.h>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda::golden {
void run_check(const GoldenCase& golden, GoldenReport& report) {
  const auto folder = golden.path().parent_path().filename().string();
  const auto check = checks().find(folder);
  if (check == checks().end()) {
    std::vector<std::string> known;
    for (const auto& [name, function] : checks()) known.push_back(name);
    throw DataError(
        fmt::format("{}: no check for golden files in a folder named \"{}\"", golden.path().string(), folder),
        suggestion(folder, known));
  }
  check->second(golden, report);
  report.finish();
}

bool check_file(const std::filesystem::path& path, bool all_lines, std::string& text, GoldenSummary* summary,
                const std::filesystem::path& weights) {
  if (path.extension() == ".json") return check_json(path, text);
  const GoldenCase golden(path, weights);
  GoldenReport report(golden);
  run_check(golden, report);
  text = report.text(all_lines);
  if (summary != nullptr) *summary = {report.comparisons().size(), report.largest_error()};
  return report.holds();
}

}  // namespace kuda::golden
