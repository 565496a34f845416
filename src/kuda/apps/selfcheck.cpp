// kuda selfcheck: does this build compute what it should on this machine?

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "kuda/apps/verbs.h"
#include "kuda/apps/version.h"
#include "kuda/base/error.h"
#include "kuda/evaluation/selfcheck.h"

namespace kuda {

void add_selfcheck(CLI::App& program) {
  struct Options {
    std::vector<std::string> models;
    std::string encoder, device = "cpu";
  };
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("selfcheck", "Check that this build computes what it should on this machine.");
  verb->add_option("-m,--model", options->models, "these models only; may repeat (default: all)")
      ->allow_extra_args(false);
  verb->add_option("--encoder", options->encoder, "text encoder to check with (default: a made one, random weights)");
  verb->add_option("--device", options->device, "cpu or cuda")->capture_default_str();
  verb->footer("Example:\n  kuda selfcheck --encoder encoders/minilm");
  verb->callback([options] {
    std::cout << version_text() << "\n\n";
    SelfCheckOptions checks;
    checks.models = options->models;
    checks.encoder = options->encoder;
    checks.device = options->device;
    checks.on_check = [](const SelfCheck& check) {
      std::cout << fmt::format("{:<7}{:5.1f} s  {}: {}\n", check.is_good ? "ok" : "FAILED", check.seconds, check.name,
                               check.found)
                << std::flush;
    };
    std::size_t failed = 0;
    for (const auto& check : self_check(checks)) failed += check.is_good ? 0 : 1;
    if (failed > 0) throw Error(fmt::format("selfcheck: {} of the checks failed", failed));
  });
}

}  // namespace kuda
