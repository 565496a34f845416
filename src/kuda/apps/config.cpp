// kuda config: the configuration that a run would use, and the documentation page made from the same lists of fields.

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

#include "kuda/apps/run_options.h"
#include "kuda/apps/verbs.h"
#include "kuda/extract/recipe.h"

namespace kuda {

namespace {

constexpr const char* kPageHead =
    R"(# Configuration

Written by `kuda config --markdown` (`make docs`) from the lists of fields in the source; do not edit by hand.

A configuration is a TOML file given with `-c`. Order: defaults < profile < file < `--profile` < options of the command
line < `--set key=value`. An unknown key, a value of another type or out of range is an error that names the line and the
nearest key. `kuda config -c FILE` prints the complete result, and every run folder keeps it as `config.toml`.

A profile is only a set of the keys below; `kuda models --json` lists what each one sets.

)";

/// Sections of a run once, then the section of each model. The configurations stay alive while the page is written.
std::string documentation_page() {
  std::vector<RunConfig> configs;
  for (const auto& model : all_models()) configs.push_back(RunConfig::load({}, {"", {"model=" + model.name}}));
  Schema page;
  for (auto& config : configs) {
    const Schema schema = config.schema();
    for (const auto& section : schema.sections())
      if (&config == &configs.front() || section.name == config.model)
        page.add(section.name, section.help, section.fields);
  }
  return kPageHead + page.to_markdown();
}

}  // namespace

void add_config(CLI::App& program) {
  struct Options {
    RunOptions run;
    bool explain = false, markdown = false, recipe = false;
  };
  auto options = std::make_shared<Options>();
  auto* verb = program.add_subcommand("config", "Print the complete configuration that a run would use.");
  options->run.add_to(*verb);
  verb->add_flag("--explain", options->explain, "with the meaning above each key");
  verb->add_flag("--markdown", options->markdown, "the page docs/configuration.md: every key of every model");
  verb->add_flag("--recipe", options->recipe, "the default recipe of `kuda data extract`");
  verb->footer("Example:\n  kuda config -m kuda --profile released --set train.epochs=15 >mine.toml");
  verb->callback([options] {
    if (options->markdown) {
      std::cout << documentation_page();
      return;
    }
    if (options->recipe) {
      std::cout << Recipe().to_toml(/*with_help=*/true);
      return;
    }
    const auto& seeds = options->run.seeds;
    auto config = options->run.config(seeds.empty() ? std::nullopt : std::optional(seeds.front()));
    std::cout << config.schema().to_toml(options->explain);
  });
}

}  // namespace kuda
