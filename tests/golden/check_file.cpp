// Which check a golden file gets.

#include <fmt/format.h>

#include "golden_case.h"
#include "kuda/base/error.h"

namespace kuda::golden {
namespace {

struct Kind {
  const char* reference;  ///< text that the file's "reference" metadata contains
  void (*check)(const GoldenCase&, GoldenReport&);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{
      {"BertModel", check_bert}, {"MKMaS-GUET/KuDA @", check_kuda}, {"dataset code", check_windows}};
  return list;
}

}  // namespace

bool check_file(const std::filesystem::path& path, bool all_lines, std::string& text) {
  if (path.extension() == ".json") return check_json(path, text);
  const GoldenCase golden(path);
  for (const auto& kind : kinds()) {
    if (golden.metadata("reference").find(kind.reference) == std::string::npos) continue;
    GoldenReport report(golden);
    kind.check(golden, report);
    report.finish();
    text = report.text(all_lines);
    return report.holds();
  }
  throw DataError(fmt::format("{}: no check for reference \"{}\"", path.string(), golden.metadata("reference")));
}

}  // namespace kuda::golden
