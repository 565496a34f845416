// Which check a golden file gets.

#include <fmt/format.h>

#include "golden_case.h"
#include "kuda/base/error.h"

namespace kuda::golden {
namespace {

struct Kind {
  /// The metadata "name" of the file, or a part of its "reference".
  const char* sign;
  void (*check)(const GoldenCase&, GoldenReport&);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{{"BertModel, eager", check_bert},
                                      {"dataset code", check_windows},
                                      {"MKMaS-GUET/KuDA @", check_kuda},
                                      {"tfn", check_tfn},
                                      {"lmf", check_lmf},
                                      {"mult", check_mult},
                                      {"misa", check_misa},
                                      {"SELF_MM.py", check_self_mm},
                                      {"kiva12138/CubeMLP", check_cubemlp},
                                      {"JackAILab/TMBL", check_tmbl},
                                      {"MMIM.py", check_mmim},
                                      {"declare-lab/BBFN", check_bbfn},
                                      {"CENET.py", check_cenet},
                                      {"Say2L/CENet", check_cenet},
                                      {"scikit-learn KMeans", check_cenet},
                                      {"TETFN.py", check_tetfn},
                                      {"Haoyu-ha/ALMT", check_almt}};
  return list;
}

bool is_of(const GoldenCase& golden, const Kind& kind) {
  const auto name = golden.metadata("name");
  if (!name.empty()) return name == kind.sign;
  return golden.metadata("reference").find(kind.sign) != std::string::npos;
}

}  // namespace

bool check_file(const std::filesystem::path& path, bool all_lines, std::string& text, GoldenSummary* summary) {
  if (path.extension() == ".json") return check_json(path, text);
  const GoldenCase golden(path);
  for (const auto& kind : kinds()) {
    if (!is_of(golden, kind)) continue;
    GoldenReport report(golden);
    kind.check(golden, report);
    report.finish();
    text = report.text(all_lines);
    if (summary != nullptr) *summary = {report.comparisons().size(), report.largest_error()};
    return report.holds();
  }
  throw DataError(fmt::format("{}: no check for reference \"{}\"", path.string(), golden.metadata("reference")));
}

}  // namespace kuda::golden
