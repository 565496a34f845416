#pragma once
// The verbs of the program, one a file. Each function adds its verb to the command line; what it does runs after the
// whole command line has been read, and throws an Error that main turns into a message and an exit code.

#include <CLI/App.hpp>

namespace kuda {

void add_data(CLI::App& program);        ///< inspect, check, import, stats, synth, encoder, extract, pack
void add_models(CLI::App& program);      ///< the registry as a table
void add_config(CLI::App& program);      ///< the configuration a run would use, or the documentation page
void add_pretrain(CLI::App& program);    ///< stage 1
void add_train(CLI::App& program);       ///< stage 1 where asked, then stage 2
void add_evaluate(CLI::App& program);    ///< a checkpoint on one split
void add_predict(CLI::App& program);     ///< scores of clips
void add_compare(CLI::App& program);     ///< two checkpoints on the same clips
void add_explain(CLI::App& program);     ///< which modality decided
void add_embed(CLI::App& program);       ///< features in the plane
void add_experiment(CLI::App& program);  ///< a grid of runs
void add_report(CLI::App& program);      ///< tables and figures from finished runs
void add_convert(CLI::App& program);     ///< weights of the published Python code, in and out
void add_serve(CLI::App& program);       ///< a checkpoint behind HTTP
void add_selfcheck(CLI::App& program);   ///< does this build work on this machine?

}  // namespace kuda
