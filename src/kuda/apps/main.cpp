// The program `kuda`. Only here are errors caught: one message on stderr, and the exit code of the kind of error.

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "kuda/apps/command_line.h"
#include "kuda/base/child_process.h"
#include "kuda/base/error.h"

namespace {

/// Rows that are lost are an error, whatever else was done. Only a reader that has gone (`kuda models | head -1`) is
/// none: as quiet then as where SIGPIPE is not ignored.
int lost_output(int why) {
  if (why == EPIPE) return 128 + SIGPIPE;
  fmt::print(stderr, "kuda: stdout: cannot be written: {}\n", std::strerror(why));
  return 1;
}

int run(int argc, char** argv) {
  try {
    const auto program = kuda::make_program();
    return kuda::run_program(*program, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::ios_base::failure&) {  // of stdout, the one stream that throws
    return lost_output(errno);
  } catch (const kuda::Error& error) {
    fmt::print(stderr, "kuda: {}\n", error.what());
    return error.exit_code();
  } catch (const std::filesystem::filesystem_error& error) {  // a folder that must not be read, mostly
    fmt::print(stderr, "kuda: {}: {}\n", error.path1().string(), error.code().message());
    return kuda::DataError("").exit_code();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "kuda: there is not enough memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "kuda: unexpected error, please report it: {}\n", error.what());
  }
  return 1;
}

/// The exit code after what is still in the buffers has gone out.
int end_output(int code) {
  if (!std::cout) return code;  // it was said
  errno = 0;
  std::cout.flush();
  return std::cout && std::fflush(stdout) == 0 ? code : lost_output(errno);
}

}  // namespace

int main(int argc, char** argv) {
  kuda::stop_with_parent();
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` is then an error that names its file
  std::cout.exceptions(std::ios::badbit | std::ios::failbit);
  const int code = run(argc, argv);
  std::cout.exceptions(std::ios::goodbit);
  return end_output(code);
}
