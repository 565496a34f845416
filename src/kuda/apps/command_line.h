#pragma once
// The command line as a whole: all verbs, and errors that name the nearest verb or option.

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace kuda {

/// The program with every verb added.
[[nodiscard]] std::unique_ptr<CLI::App> make_program();

/// Reads `arguments` (without the program's name) and runs the verb. Returns the exit code of --help and --version (0).
/// Throws UsageError for anything it cannot read, naming the nearest verb or option, and whatever the verb throws.
int run_program(CLI::App& program, std::vector<std::string> arguments);

}  // namespace kuda
