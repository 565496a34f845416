// kuda report: finished run folders as tables, a page and figures.

#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>

#include "kuda/apps/verbs.h"
#include "kuda/base/log.h"
#include "kuda/reports/write_report.h"

namespace kuda {

void add_report(CLI::App& program) {
  struct Options {
    std::vector<std::string> folders;
    std::string out, split = "test", reference;
  };
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("report", "Tables, a page and figures from finished run folders.");
  verb->add_option("folders", options->folders, "run folders, or folders that hold some at any depth")
      ->required()
      ->type_name("FOLDER");
  verb->add_option("--out", options->out,
                   "folder for report.html, table.csv, table.tex, mmsa/, figures/, and by_conflict.csv, parts.csv and "
                   "dominance.md where the runs hold what these need")
      ->required();
  verb->add_option("--split", options->split, "train, valid or test")->capture_default_str();
  verb->add_option("--reference", options->reference,
                   "test every system against this one (default: the best of each column)");
  verb->footer(
      "One table per data set: a row per system as mean ± standard deviation over its seeds, below them the baselines\n"
      "that know less (text only, late fusion, mean, majority). '*' marks the best, '~' what the clips cannot tell "
      "from\n"
      "it. Folders DATA/MODEL+VARIANT/SEED name the rows; other run folders are named by their model.\n"
      "Runs on different data are never put into one table. What each number means: docs/reproduce.md.\n"
      "Example:\n"
      "  kuda train -d mosi -m tfn --encoder bert-base-uncased -s 1 -s 2 -s 3 --out runs/mosi/tfn\n"
      "  kuda train -d mosi -m lmf --encoder bert-base-uncased -s 1 -s 2 -s 3 --out runs/mosi/lmf\n"
      "  kuda report runs --out report\n"
      "  kuda report runs --out report --reference tfn");
  verb->callback([options] {
    const std::vector<std::filesystem::path> folders(options->folders.begin(), options->folders.end());
    const auto found = find_runs(folders);
    for (const auto& folder : found.unfinished) log_warning("{}: not finished, left out", folder.string());
    const auto tables = [&] {
      ConsoleProgress progress;  // taken away before the tables come
      return write_report(found, split_from(options->split), options->reference, options->out, &progress);
    }();
    for (const auto& table : tables.results) std::cout << format_text(table) << '\n';
    for (const auto& table : tables.conflicts) std::cout << format_text(table) << '\n';
    for (const auto& table : tables.parts) std::cout << format_text(table) << '\n';
    if (tables.dominance) std::cout << format_text(*tables.dominance) << '\n';
    std::cout << (std::filesystem::path(options->out) / "report.html").string() << '\n';
  });
}

}  // namespace kuda
