#pragma once
// The verbs below `kuda data`.

#include <CLI/App.hpp>

namespace kuda {

void add_data_inspect(CLI::App& data);
void add_data_check(CLI::App& data);
void add_data_import(CLI::App& data);
void add_data_stats(CLI::App& data);
void add_data_synth(CLI::App& data);
void add_data_encoder(CLI::App& data);
void add_data_extract(CLI::App& data);
void add_data_pack(CLI::App& data);

}  // namespace kuda
