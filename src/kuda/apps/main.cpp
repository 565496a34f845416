// The program `kuda`. Only here are errors caught: one message on stderr, and the exit code of the kind of error.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "kuda/apps/command_line.h"
#include "kuda/base/error.h"

int main(int argc, char** argv) {
  try {
    const auto program = kuda::make_program();
    return kuda::run_program(*program, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const kuda::Error& error) {
    fmt::print(stderr, "kuda: {}\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "kuda: unexpected error, please report it: {}\n", error.what());
    return 1;
  }
}
