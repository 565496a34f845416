#include "kuda/data/sources/recipe_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/config/config.h"
#include "kuda/data/sources/prepared.h"

namespace kuda {

std::string extractor_name(const std::string& recipe_fingerprint) {
  return "kuda data extract, recipe " + recipe_fingerprint.substr(0, 16);
}

std::string recipe_in(const std::filesystem::path& folder) {
  const auto path = folder / kRecipeFile;
  return is_prepared(folder) && std::filesystem::exists(path) ? read_file(path) : "";
}

std::string recipe_of(const Dataset& dataset) { return dataset.source.empty() ? "" : recipe_in(dataset.source); }

double recipe_rate(const std::string& recipe, Modality modality) {
  const auto key = fmt::format("{}.frames_per_second", modality_name(modality));
  for (const auto& setting : ConfigFile::parse(recipe, "recipe").settings())
    if (setting.key == key) return std::stod(setting.value);
  throw ConfigError("recipe: " + key + ": expected a number, found none");
}

std::string recipe_differences(const std::string& here, const std::string& there) {
  constexpr std::size_t kMost = 4;
  const auto left = ConfigFile::parse(here, "recipe").settings(), right = ConfigFile::parse(there, "recipe").settings();
  const auto value_in = [](const std::vector<Setting>& settings, const std::string& key) {
    const auto found = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.key == key; });
    return found == settings.end() ? std::string("absent") : found->value;
  };
  const auto shortened = [](std::string value) { return value.size() > 40 ? value.substr(0, 37) + "..." : value; };
  std::vector<std::string> differences;
  std::set<std::string> keys;
  for (const auto* side : {&left, &right})
    for (const auto& setting : *side) keys.insert(setting.key);
  for (const auto& key : keys) {
    const auto one = value_in(left, key), other = value_in(right, key);
    if (one != other)
      differences.push_back(fmt::format("{} is {} here and {} there", key, shortened(one), shortened(other)));
  }
  if (differences.size() > kMost) {
    const auto more = differences.size() - kMost;
    differences.resize(kMost);
    differences.push_back(fmt::format("and {} keys more", more));
  }
  return join(differences, "; ");
}

}  // namespace kuda
