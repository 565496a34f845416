#include "kuda/extract/extraction_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/json_place.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/recipe_file.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

/// Several processes may write it at once, all of them the same.
void write_where_other(const fs::path& path, const std::string& content) {
  if (!fs::exists(path) || read_file(path) != content) write_file(path, content);
}

bool says_other(const fs::path& path, const std::string& content) {
  return fs::exists(path) && read_file(path) != content;
}

}  // namespace

Shard Shard::parse(const std::string& text) {
  Shard shard;
  const auto* last = text.data() + text.size();
  const auto first = std::from_chars(text.data(), last, shard.index);
  const bool has_slash = first.ec == std::errc() && first.ptr != last && *first.ptr == '/';
  const auto second = has_slash ? std::from_chars(first.ptr + 1, last, shard.count) : first;
  if (!has_slash || second.ec != std::errc() || second.ptr != last || shard.index < 1 || shard.index > shard.count)
    throw UsageError(fmt::format("--shard: expected I/N with I from 1 to N, such as 3/64, found '{}'", text));
  return shard;
}

void ExtractionFolder::begin(const Recipe& recipe, const std::string& source, const std::vector<Clip>& clips,
                             const std::string& parts) const {
  const auto place = folder_ / "recipe.toml";
  const auto text = recipe.to_toml();
  if (fs::exists(place)) {
    const auto there = read_file(place);
    if (there != text && holds_work())
      throw DataError(
          fmt::format("{}: was made by another recipe: {}", folder_.string(), recipe_differences(text, there)),
          fmt::format("--recipe {} goes on with this one; the features of another recipe need another folder",
                      place.string()));
  } else if (fs::exists(folder_) && !fs::is_empty(folder_)) {
    throw DataError(folder_.string() + ": the folder is not empty and no extraction, so it is left alone",
                    "choose another folder");
  }
  const auto facts = folder_ / "extraction.json";
  if (fs::exists(facts) && holds_work() && this->source() != source)
    throw DataError(
        fmt::format("{}: holds clips of '{}', and these are of '{}'", folder_.string(), this->source(), source),
        "choose another folder: `kuda data pack` makes a data set of one source");
  make_folder(folder_ / "clips");
  write_where_other(place, text);
  const auto description = json{{"format", 1}, {"source", source}, {"parts", parts}}.dump(2) + "\n";
  const auto rows = clips_to_csv(clips);
  // Reports of other labels, texts or times say nothing of these: every shard has to speak again.
  if (says_other(table(), rows) || says_other(facts, description))
    for (const auto& report : reports()) fs::remove(report);
  write_where_other(facts, description);
  write_where_other(table(), rows);
}

bool ExtractionFolder::holds_work() const {
  return !reports().empty() || (fs::exists(folder_ / "clips") && !fs::is_empty(folder_ / "clips"));
}

void ExtractionFolder::require_begun() const {
  for (const char* name : {"recipe.toml", "clips.csv", "extraction.json"})
    if (!fs::exists(folder_ / name))
      throw DataError(fmt::format("{}: not a folder of `kuda data extract`: no {}", folder_.string(), name));
}

fs::path ExtractionFolder::report(const Shard& shard) const {
  return folder_ / (shard.count == 1 ? "report.csv" : fmt::format("report-{}-of-{}.csv", shard.index, shard.count));
}

std::vector<fs::path> ExtractionFolder::reports() const {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (const auto name = entry.path().filename().string();
        name.starts_with("report") && entry.path().extension() == ".csv")
      files.push_back(entry.path());
  // Two may be written within one tick of a coarse clock.
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    const auto when = [](const fs::path& file) { return fs::last_write_time(file); };
    return std::pair(when(a), a) < std::pair(when(b), b);
  });
  return files;
}

Recipe ExtractionFolder::recipe() const { return Recipe::load(folder_ / "recipe.toml"); }

std::string ExtractionFolder::source() const {
  const auto path = folder_ / "extraction.json";
  try {
    const auto object = json::parse(read_file(path));
    return JsonPlace(object, path.string()).at("source").text();
  } catch (const json::exception& error) {
    throw DataError(path.string() + ": damaged: " + error.what());
  }
}

}  // namespace kuda
