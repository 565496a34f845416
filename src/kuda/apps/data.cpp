// kuda data: what is in a data set, is it sound, and how to make one.

#include <CLI/CLI.hpp>

#include "kuda/apps/data_verbs.h"
#include "kuda/apps/verbs.h"

namespace kuda {

void add_data(CLI::App& program) {
  auto* data = program.add_subcommand("data", "Inspect, check, import, count or make a data set, also from raw video.");
  data->require_subcommand(1);
  data->footer(
      "A data set is a published feature file (*.pkl in MMSA layout) or a prepared folder (docs/data-formats.md).\n"
      "Example:\n  kuda data inspect unaligned_50.pkl\n  kuda data import unaligned_50.pkl mosi");
  add_data_inspect(*data);
  add_data_check(*data);
  add_data_import(*data);
  add_data_stats(*data);
  add_data_synth(*data);
  add_data_encoder(*data);
  add_data_extract(*data);
  add_data_pack(*data);
}

}  // namespace kuda
