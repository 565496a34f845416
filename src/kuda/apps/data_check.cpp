// kuda data check: the doctor.

#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "kuda/apps/data_verbs.h"
#include "kuda/apps/number_check.h"
#include "kuda/base/error.h"
#include "kuda/data/doctor/check.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {

void add_data_check(CLI::App& data) {
  struct Options {
    std::string path, encoder;
    std::size_t ids = 5;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = data.add_subcommand("check", "The doctor: what in a data set could spoil a result, with clip ids.");
  verb->add_option("data", options->path, "feature file (*.pkl) or prepared folder")->required();
  verb->add_option("--encoder", options->encoder, "compare stored token ids with this encoder's vocabulary too");
  verb->add_option("--ids", options->ids, "most clip ids to name per finding")
      ->check(whole_number(0))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "as JSON, with all ids");
  verb->footer(
      "Changes nothing. Notes and warnings are handled by the cleaning policy in use ([data] clean); after an error "
      "the\n"
      "exit code is 4.\n"
      "Example:\n  kuda data check unaligned_50.pkl --encoder bert-base-uncased");
  verb->callback([options] {
    const auto dataset = open_dataset(options->path);
    std::optional<WordPiece> tokenizer;
    if (!options->encoder.empty()) tokenizer = load_tokenizer(options->encoder);
    const auto report = check_dataset(dataset, tokenizer ? &*tokenizer : nullptr);
    std::cout << (options->json ? report.json() : report.text(options->ids));
    if (report.worst() == Severity::error) throw DataError(options->path + ": not fit for training, see the report");
  });
}

}  // namespace kuda
