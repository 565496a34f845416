// kuda data inspect: what a file or folder holds, without judging it.

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/data_verbs.h"
#include "kuda/data/doctor/inspect.h"

namespace kuda {

void add_data_inspect(CLI::App& data) {
  struct Options {
    std::string path;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = data.add_subcommand("inspect", "What is in a file: keys, shapes, splits, labels, known version.");
  verb->add_option("data", options->path, "feature file (*.pkl) or prepared folder")->required();
  verb->add_flag("--json", options->json, "as JSON");
  verb->footer(
      "Works also for a file that cannot be opened as a data set, and says why.\n"
      "Example:\n  kuda data inspect unaligned_50.pkl --json");
  verb->callback([options] {
    const auto schema = inspect_file(options->path);
    std::cout << (options->json ? schema.json() : schema.text());
  });
}

}  // namespace kuda
