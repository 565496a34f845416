// golden_check [--all] [--parity FOLDER] [--weights FILE] FILE...: compares golden files with this implementation; exit
// code 1 if anything differs.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "parity.h"

namespace {

constexpr const char* kUsage =
    "usage: golden_check [--all] [--parity FOLDER] [--weights FILE] FILE...\n"
    "  --all            every value, not only those that do not hold\n"
    "  --parity FOLDER  writes FOLDER/parity.json and FOLDER/parity.md when every file could be read\n"
    "  --weights FILE   the weights come from this state dictionary (.pth), not from the case\n";

/// The value after `option`, both taken out of the arguments; empty when the option is not there.
std::string take(std::vector<std::string>& arguments, const char* option) {
  const auto found = std::find(arguments.begin(), arguments.end(), option);
  if (arguments.end() - found < 2) return {};
  const auto value = *(found + 1);
  arguments.erase(found, found + 2);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  const auto weights = take(files, "--weights"), parity = take(files, "--parity");
  const bool all_lines = std::erase(files, "--all") > 0;
  if (files.empty()) {
    std::cerr << kUsage;
    return 2;
  }
  torch::set_num_threads(1);
  bool all_hold = true, all_read = true;
  std::vector<kuda::golden::ParityCase> cases;
  for (const std::filesystem::path path : files) {
    std::string text;
    kuda::golden::GoldenSummary summary;
    bool holds = false;
    try {
      holds = kuda::golden::check_file(path, all_lines, text, &summary, weights);
    } catch (const std::exception& error) {
      text = fmt::format("FAIL {}: {}\n", path.string(), error.what());
      all_read = false;
    }
    all_hold = all_hold && holds;
    std::cout << text;
    if (path.extension() == ".safetensors")
      cases.push_back(
          {path.parent_path().filename().string(), path.stem().string(), summary.values, summary.largest, holds});
  }
  if (!parity.empty()) {
    if (!all_read || cases.empty()) {
      std::cerr << "golden_check: not every file could be compared, " << parity << "/parity.json stays as it was\n";
      return 1;
    }
    try {
      kuda::golden::write_parity(parity, kuda::golden::parity_facts(cases, KUDA_SOURCE_DIR "/configs"));
    } catch (const std::exception& error) {
      std::cerr << "golden_check: " << error.what() << '\n';
      return 1;
    }
  }
  return all_hold ? 0 : 1;
}
