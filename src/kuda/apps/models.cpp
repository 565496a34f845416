// kuda models: what the registry holds.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "kuda/apps/verbs.h"
#include "kuda/base/table.h"
#include "kuda/models/model.h"
#include "parity_facts.h"

namespace kuda {

namespace {

std::string text_input_name(TextInput input) {
  switch (input) {
    case TextInput::none:
      return "none";
    case TextInput::features:
      return "features";
    case TextInput::tokens:
      return "encoder";
  }
  return "";
}

const nlohmann::json& parity_facts() {
  static const auto facts = nlohmann::json::parse(kParityFacts);
  return facts;
}

/// "4 of 4 cases": those of docs/parity.json that hold.
std::string parity_of(const std::string& name) {
  std::size_t cases = 0, held = 0;
  for (const auto& item : parity_facts().at("cases")) {
    if (item.at("model") != name) continue;
    ++cases;
    held += item.at("holds").get<bool>() ? 1 : 0;
  }
  return cases == 0 ? "not run" : std::to_string(held) + " of " + std::to_string(cases) + " cases";
}

/// Parameters outside the text encoder; nothing when docs/parity.json was made before there was this model.
std::optional<std::int64_t> size_of(const std::string& name) {
  const auto& sizes = parity_facts().at("parameters");
  return sizes.contains(name) ? std::optional(sizes.at(name).get<std::int64_t>()) : std::nullopt;
}

/// "9.50 M"
std::string describe_size(std::optional<std::int64_t> size) {
  return size ? fmt::format("{:.2f} M", double(*size) / 1e6) : std::string("not counted");
}

void print_json() {
  auto list = nlohmann::ordered_json::array();
  for (const auto& model : all_models()) {
    auto profiles = nlohmann::ordered_json::array();
    for (const auto& profile : model.profiles)
      profiles.push_back({{"name", profile.name}, {"help", profile.help}, {"sets", profile.assignments}});
    list.push_back({{"name", model.name},
                    {"title", model.title},
                    {"paper", model.paper},
                    {"year", model.year},
                    {"kind", model.kind},
                    {"text", text_input_name(model.text)},
                    {"needs_alignment", model.needs_alignment},
                    {"uses_unimodal_labels", model.uses_unimodal_labels},
                    {"reference", model.reference},
                    {"parity", parity_of(model.name)},
                    {"parameters_without_text_encoder", size_of(model.name).value_or(0)},
                    {"state_across_batches", model.state},
                    {"profiles", profiles}});
  }
  std::cout << list.dump(2) << '\n';
}

void print_table() {
  Table table({"name", "year", "kind", "text", "made for", "size", "parity", "follows", "paper"});
  for (const auto& model : all_models())
    table.add({model.name, std::to_string(model.year), model.kind, text_input_name(model.text),
               model.needs_alignment ? "word-aligned" : "any", describe_size(size_of(model.name)),
               parity_of(model.name), model.reference, model.paper});
  std::cout << table.text()
            << "\nsize: parameters without the text encoder, with configs/NAME_mosi.toml on CMU-MOSI's "
               "shapes (docs/parity.md)\n";
  for (const auto& model : all_models())
    for (const auto& profile : model.profiles)
      std::cout << "\n" << model.name << " --profile " << profile.name << ": " << profile.help;
  std::cout << '\n';
}

}  // namespace

void add_models(CLI::App& program) {
  auto* verb = program.add_subcommand("models", "List the models and what each needs from the data.");
  verb->footer("Example:\n  kuda models --json");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "as JSON");
  verb->callback([json] { *json ? print_json() : print_table(); });
}

}  // namespace kuda
