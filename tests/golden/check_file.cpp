// Which check a golden file gets.

#include <fmt/format.h>

#include "golden_case.h"
#include "kuda/base/error.h"

namespace kuda::golden {
namespace {

struct Kind {
  const char* name;       ///< the metadata "name" of the file, or null
  const char* reference;  ///< a part of its "reference" otherwise
  void (*check)(const GoldenCase&, GoldenReport&);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{{nullptr, "BertModel, eager", check_bert},
                                      {nullptr, "dataset code", check_windows},
                                      {nullptr, "MKMaS-GUET/KuDA @", check_kuda},
                                      {"tfn", nullptr, check_tfn},
                                      {"lmf", nullptr, check_lmf},
                                      {"mult", nullptr, check_mult},
                                      {"misa", nullptr, check_misa},
                                      {nullptr, "SELF_MM.py", check_self_mm},
                                      {nullptr, "kiva12138/CubeMLP", check_cubemlp},
                                      {nullptr, "JackAILab/TMBL", check_tmbl},
                                      {nullptr, "MMIM.py", check_mmim},
                                      {nullptr, "declare-lab/BBFN", check_bbfn},
                                      {nullptr, "CENET.py", check_cenet},
                                      {nullptr, "Say2L/CENet", check_cenet},
                                      {nullptr, "scikit-learn KMeans", check_cenet},
                                      {nullptr, "TETFN.py", check_tetfn},
                                      {nullptr, "Haoyu-ha/ALMT", check_almt}};
  return list;
}

bool is_of(const GoldenCase& golden, const Kind& kind) {
  if (kind.name != nullptr) return golden.metadata("name") == kind.name;
  return golden.metadata("reference").find(kind.reference) != std::string::npos;
}

}  // namespace

void run_check(const GoldenCase& golden, GoldenReport& report) {
  for (const auto& kind : kinds()) {
    if (!is_of(golden, kind)) continue;
    kind.check(golden, report);
    return report.finish();
  }
  throw DataError(
      fmt::format("{}: no check for reference \"{}\"", golden.path().string(), golden.metadata("reference")));
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
