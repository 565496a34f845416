// golden_check [--all | --markdown] [--weights FILE] FILE...: compares golden files with this implementation; exit code
// 1 if anything differs.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "sizes.h"

namespace {

constexpr const char* kUsage =
    "usage: golden_check [--all | --markdown] [--weights FILE] FILE...\n"
    "  --all            every value, not only those that do not hold\n"
    "  --markdown       docs/parity.md: one line a file, then the sizes of the presets\n"
    "  --weights FILE   the weights come from this state dictionary (.pth), not from the case\n";

constexpr const char* kMarkdownHead =
    "# Parity with the published implementations\n\n"
    "Written by `golden_check --markdown` (`make parity`), never by hand: what each stored run of a published\n"
    "implementation holds (outputs, loss terms, gradients, an optimiser step, trajectories), and the largest absolute\n"
    "error of ours against it. `holds` means within 1e-5, or ten times the reference's own distance from float64 "
    "where\n"
    "the file says that this is more.\n\n"
    "| model | case | values | largest error | holds |\n| --- | --- | --- | --- | --- |\n";

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  std::string weights;
  if (const auto option = std::find(files.begin(), files.end(), "--weights"); files.end() - option >= 2) {
    weights = *(option + 1);
    files.erase(option, option + 2);
  }
  const bool all_lines = std::erase(files, "--all") > 0, is_markdown = std::erase(files, "--markdown") > 0;
  if (files.empty()) {
    std::cerr << kUsage;
    return 2;
  }
  torch::set_num_threads(1);
  bool all_hold = true;
  if (is_markdown) std::cout << kMarkdownHead;
  for (const auto& file : files) {
    std::string text;
    kuda::golden::GoldenSummary summary;
    bool holds = false;
    try {
      holds = kuda::golden::check_file(file, all_lines, text, &summary, weights);
    } catch (const std::exception& error) {
      text = fmt::format("FAIL {}: {}\n", file, error.what());
    }
    all_hold = all_hold && holds;
    const std::filesystem::path path(file);
    if (!is_markdown)
      std::cout << text;
    else
      std::cout << fmt::format("| {} | {} | {} | {:.1e} | {} |\n", path.parent_path().filename().string(),
                               path.stem().string(), summary.values, summary.largest,
                               holds ? "yes" : (summary.values == 0 ? "not implemented" : "no"));
  }
  if (is_markdown) std::cout << kuda::golden::sizes_table(KUDA_SOURCE_DIR "/configs");
  return all_hold ? 0 : 1;
}
