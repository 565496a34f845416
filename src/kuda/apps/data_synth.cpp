// kuda data synth: clips made by a written rule, with the truth beside them.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/data_verbs.h"
#include "kuda/apps/field_options.h"
#include "kuda/base/error.h"
#include "kuda/base/table.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"

namespace kuda {

namespace {

void print_bounds(const SynthOptions& options) {
  const auto bounds = synth_bounds(options);
  Table table({"least expected MAE of a predictor that knows", "MAE"});
  const auto row = [&](const std::string& what, double mae) { table.add({what, fmt::format("{:.4f}", mae)}); };
  row("everything about each modality (the bound)", bounds.bayes);
  row("the three sentiments, not which one to trust", bounds.blind);
  for (const Modality modality : kModalities)
    row(fmt::format("{} alone", modality_name(modality)), bounds.single[modality]);
  row("nothing (a constant)", bounds.constant);
  std::cout << table.text();
}

/// The folder holds these very clips: it is left as it is, because others may be reading it.
bool holds(const std::filesystem::path& folder, const Dataset& clips) {
  try {
    return is_prepared(folder) && read_prepared(folder).fingerprint == clips.fingerprint;
  } catch (const Error&) {
    return false;  // damaged: write_prepared replaces it, or says why not
  }
}

}  // namespace

void add_data_synth(CLI::App& data) {
  struct Options {
    std::string folder;
    SynthOptions synth;
  };
  auto options = std::make_shared<Options>();
  auto* verb = data.add_subcommand(
      "synth", "Make a synthetic data set: which modality carries the truth, and which is noise, is known per clip.");
  verb->add_option("out", options->folder, "prepared folder to write; truth.csv lies in it too")->required();
  add_field_options(*verb, options->synth);
  verb->footer(
      "The rule and its bounds: docs/synthetic.md. The same options give the same bytes.\n"
      "Example:\n  kuda data synth clips --train 300 --valid 100 --test 100\n  kuda data synth big --like sims");
  verb->callback([options] {
    check_fields(options->synth);
    const auto resolved = options->synth.resolved();
    const auto set = synthesize(resolved);
    if (!holds(options->folder, set.dataset)) write_prepared(options->folder, set.dataset);
    write_truth_csv(options->folder, set.dataset, set.truth);
    std::cout << fmt::format("{}: {} synthetic clips (train {}, valid {}, test {})\n\n", options->folder,
                             set.dataset.clips.size(), resolved.train, resolved.valid, resolved.test);
    print_bounds(resolved);
  });
}

}  // namespace kuda
