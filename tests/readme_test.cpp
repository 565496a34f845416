// The examples of README.md, run as they stand: every fenced block marked `sh run`, in order, in one folder.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "kuda/checkpoint/small_encoder.h"
#include "tests/program.h"

namespace kuda::test {
namespace {

namespace fs = std::filesystem;

struct Example {
  std::string commands;
  std::size_t line;
};

std::vector<Example> runnable_examples(const fs::path& page) {
  std::ifstream stream(page);
  std::vector<Example> examples;
  bool inside = false;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (inside && line.starts_with("```")) {
      inside = false;
    } else if (inside) {
      examples.back().commands += line + "\n";
    } else if (line == "```sh run") {
      inside = true;
      examples.push_back({"", number});
    }
  }
  return examples;
}

TEST(Readme, EveryRunnableExampleWorks) {
  const auto examples = runnable_examples(fs::path(KUDA_SOURCE_DIR) / "README.md");
  ASSERT_GE(examples.size(), 3U) << "README.md lost its runnable examples, or their mark `sh run`";
  const TemporaryFolder folder;
  // The page names the encoder that scripts/setup.sh installs; the small random one stands in, for speed.
  write_small_encoder(folder / "encoders/minilm", 6, 32);
  for (const auto& example : examples) {
    const Outcome run = run_shell(example.commands, folder.path());
    EXPECT_EQ(run.exit_code, 0) << "README.md:" << example.line << "\n"
                                << example.commands << "\nstdout:\n"
                                << run.out << "\nstderr:\n"
                                << run.err;
    EXPECT_FALSE(run.out.empty()) << "README.md:" << example.line << ": prints nothing";
  }
}

}  // namespace
}  // namespace kuda::test
