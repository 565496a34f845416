// golden_check [--all] FILE...: compares golden files with this implementation; exit code 1 if anything differs.

#include <iostream>
#include <string>
#include <vector>

#include "golden_case.h"
#include "kuda/base/error.h"

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  const bool all_lines = std::erase(files, "--all") > 0;
  if (files.empty()) {
    std::cerr << "usage: golden_check [--all] FILE...\n  --all: every value, not only those that do not hold\n";
    return 2;
  }
  torch::set_num_threads(1);
  bool holds = true;
  for (const auto& file : files) {
    try {
      std::string text;
      holds = kuda::golden::check_file(file, all_lines, text) && holds;
      std::cout << text;
    } catch (const std::exception& error) {
      std::cout << "FAIL " << file << ": " << error.what() << '\n';
      holds = false;
    }
  }
  return holds ? 0 : 1;
}
