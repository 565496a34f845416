#include "parity.h"

#include <fmt/format.h>

#include "kuda/base/file.h"
#include "kuda/models/model.h"
#include "sizes.h"

namespace kuda::golden {
namespace {

constexpr const char* kHead =
    "# Parity with the published implementations\n\n"
    "Made from [parity.json](parity.json), which `make parity` writes (`golden_check --parity`); neither is edited by\n"
    "hand. For each stored run of a published implementation: how many values were compared (outputs, loss terms,\n"
    "gradients, an optimiser step, trajectories), and the largest absolute error of ours. `holds` means within 1e-5, "
    "or\n"
    "ten times the reference's own distance from float64 where the file says that this is more.\n\n"
    "| model | case | values | largest error | holds |\n| --- | --- | --- | --- | --- |\n";

constexpr const char* kData = "mosi";  // whose presets are counted

}  // namespace

nlohmann::ordered_json parity_facts(const std::vector<ParityCase>& cases, const std::filesystem::path& configs) {
  nlohmann::ordered_json facts{{"cases", nlohmann::ordered_json::array()}};
  for (const auto& item : cases)
    facts["cases"].push_back({{"model", item.model},
                              {"case", item.name},
                              {"values", item.values},
                              // Two digits: the others differ from machine to machine.
                              {"largest_error", std::stod(fmt::format("{:.1e}", item.largest_error))},
                              {"holds", item.holds}});
  const auto sizes = preset_sizes(configs);
  for (const auto& info : all_models()) facts["parameters"][info.name] = sizes.at(info.name);
  return facts;
}

std::string parity_page(const nlohmann::ordered_json& facts) {
  std::string page = kHead;
  for (const auto& item : facts.at("cases")) {
    const auto values = item.at("values").get<std::size_t>();
    page += fmt::format("| {} | {} | {} | {:.1e} | {} |\n", item.at("model").get<std::string>(),
                        item.at("case").get<std::string>(), values, item.at("largest_error").get<double>(),
                        item.at("holds").get<bool>() ? "yes" : (values == 0 ? "not compared" : "no"));
  }
  const auto shape = published_shape(kData);
  page += fmt::format(
      "\n## Size\n\n"
      "Parameters outside the text encoder, trained or not, with the preset `configs/NAME_mosi.toml` on CMU-MOSI's "
      "shapes:\n"
      "{} word pieces, {} vision frames of {}, {} audio frames of {}, text vectors of 768.\n\n"
      "| model | parameters |\n| --- | --- |\n",
      shape.length.text, shape.length.vision, shape.width.vision, shape.length.audio, shape.width.audio);
  for (const auto& [name, count] : facts.at("parameters").items())
    page += fmt::format("| `{}` | {} |\n", name, count.get<std::int64_t>());
  return page;
}

void write_parity(const std::filesystem::path& folder, const nlohmann::ordered_json& facts) {
  const auto page = parity_page(facts);
  std::string cases;
  for (const auto& item : facts.at("cases")) cases += (cases.empty() ? "  " : ",\n  ") + item.dump();  // a line each
  write_file(folder / "parity.json",
             fmt::format("{{\"cases\": [\n{}\n],\n\"parameters\": {}}}\n", cases, facts.at("parameters").dump(2)));
  write_file(folder / "parity.md", page);
}

}  // namespace kuda::golden
