#include "kuda/apps/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

#include "kuda/apps/verbs.h"
#include "kuda/apps/version.h"
#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda {

namespace {

/// The verb in which reading stopped: `kuda data chek` stops in `data`.
const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.back());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

/// Where an error stands: "data check: ", nothing for the program itself (main names it).
std::string place_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return "";
  return parent->get_parent() == nullptr ? app.get_name() + ": " : parent->get_name() + " " + app.get_name() + ": ";
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// What CLI11 says, with the nearest name where a word was not expected.
UsageError usage_error(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& app = deepest(program);
  const std::string place = place_of(app);
  const std::string help = "`" + full_name(app) + " --help` shows what it takes";
  const auto rest = app.remaining();
  const auto unread = std::find_if(rest.begin(), rest.end(), [](const auto& word) { return word != "--"; });
  if (unread == rest.end()) {
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !verb_names(app).empty())
      return UsageError(place + "no verb is given", "one of " + join(verb_names(app)) + "; " + help);
    return UsageError(place + error.what(), help);
  }
  if (unread->starts_with("-")) {
    const std::string option = unread->substr(0, unread->find('='));
    return UsageError(place + "unknown option '" + option + "'", suggestion(option, option_names(app)));
  }
  if (!verb_names(app).empty())
    return UsageError(place + "unknown verb '" + *unread + "'", suggestion(*unread, verb_names(app)));
  return UsageError(place + "unexpected '" + *unread + "'", help);
}

}  // namespace

std::unique_ptr<CLI::App> make_program() {
  auto program = std::make_unique<CLI::App>(
      "Multimodal sentiment analysis: from feature files to a trained, evaluated, repeatable model.", "kuda");
  program->set_version_flag("--version", version_text(), "versions of this program and of LibTorch");
  program->require_subcommand(1);
  program->get_formatter()->column_width(34);
  program->footer(
      "First steps:\n"
      "  kuda data inspect unaligned_50.pkl        what is in a feature file\n"
      "  kuda train -d unaligned_50.pkl -m kuda --encoder bert-base-uncased --out runs/first\n"
      "  kuda evaluate runs/first/model -d unaligned_50.pkl\n"
      "Exit codes: 0 ok, 2 usage, 3 configuration, 4 data, 5 checkpoint, 6 stopped by a signal, 1 other.");
  add_data(*program);
  add_models(*program);
  add_config(*program);
  add_pretrain(*program);
  add_train(*program);
  add_evaluate(*program);
  add_predict(*program);
  add_compare(*program);
  add_explain(*program);
  add_embed(*program);
  add_experiment(*program);
  add_report(*program);
  add_convert(*program);
  add_serve(*program);
  add_selfcheck(*program);
  return program;
}

int run_program(CLI::App& program, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 reads from the back
  try {
    program.parse(std::move(arguments));
  } catch (const CLI::Success& help_or_version) {
    return program.exit(help_or_version, std::cout, std::cerr);
  } catch (const CLI::ParseError& error) {
    throw usage_error(program, error);
  }
  return 0;
}

}  // namespace kuda
