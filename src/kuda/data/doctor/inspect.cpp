#include "kuda/data/doctor/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/data/dataset.h"
#include "kuda/data/doctor/check_parts.h"
#include "kuda/data/finite.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/mmsa_split.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/published.h"
#include "kuda/io/csv.h"
#include "kuda/io/pickle/pickle.h"
#include "kuda/io/safetensors.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using Kind = io::Value::Kind;

std::string describe(const io::Value& value) {
  switch (value.kind()) {
    case Kind::array:
      return value.array().describe();
    case Kind::object_array: {
      std::vector<std::string> shape;
      for (const auto size : value.object_shape()) shape.push_back(std::to_string(size));
      return fmt::format("[{}] objects{}", join(shape),
                         value.size() > 0 ? fmt::format(" ({})", value[0].kind_name()) : "");
    }
    case Kind::list:
    case Kind::tuple:
      return fmt::format("{} of {}{}", value.kind_name(), value.size(),
                         value.size() > 0 ? fmt::format(" ({})", value[0].kind_name()) : "");
    case Kind::dict:
      return fmt::format("dict of {}", value.size());
    case Kind::object:
      return value.text();
    default:
      return std::string(value.kind_name());
  }
}

bool is_known(const std::string& key) {
  static const std::set<std::string> kKnown{"id",
                                            "raw_text",
                                            "text",
                                            "text_bert",
                                            "vision",
                                            "audio",
                                            "vision_lengths",
                                            "audio_lengths",
                                            "text_lengths",
                                            "annotations",
                                            "classification_labels",
                                            "labels",
                                            "regression_labels",
                                            "regression_labels_T",
                                            "regression_labels_V",
                                            "regression_labels_A"};
  return kKnown.contains(key);
}

void add_keys(FileSchema& schema, std::size_t split, const io::Value& content) {
  for (const auto& [name, value] : content.entries()) {
    if (name.kind() != Kind::text && name.kind() != Kind::bytes) continue;
    auto found = std::find_if(schema.keys.begin(), schema.keys.end(),
                              [&](const SchemaKey& key) { return key.name == name.text(); });
    if (found == schema.keys.end()) {
      schema.keys.push_back({name.text(), {}, is_known(name.text())});
      found = schema.keys.end() - 1;
    }
    found->content[split] = describe(value);
  }
}

FileSchema pickle_schema(const fs::path& path) {
  FileSchema schema{path.string(), "pickle (MMSA layout)", {}, {}, ""};
  const io::Value root = io::read_pickle(path);
  if (root.kind() != Kind::dict) {
    schema.kind = fmt::format("pickle (root: {})", describe(root));
    return schema;
  }
  bool has_splits = false;
  for (const auto& [key, content] : root.entries()) {
    const auto split = key.kind() == Kind::text ? split_of_key(key.text()) : std::nullopt;
    if (!split) continue;
    has_splits = true;
    if (content.kind() == Kind::dict) add_keys(schema, std::size_t(*split), content);
  }
  if (!has_splits) add_keys(schema, std::size_t(Split::test), root);
  return schema;
}

FileSchema prepared_schema(const fs::path& folder) {
  FileSchema schema{folder.string(), "prepared folder", {}, {}, ""};
  if (!fs::exists(folder / "features.safetensors")) return schema;
  for (const auto& [key, array] : io::read_safetensors(folder / "features.safetensors").arrays)
    schema.keys.push_back({key, {array.describe(), "", ""}, true});
  return schema;
}

/// Columns by their names, with what the first cell holds.
FileSchema table_schema(const fs::path& path) {
  FileSchema schema{path.string(), "table", {}, {}, ""};
  const auto table = io::read_any_csv(path);
  const auto columns = find_clip_columns(table, ClipTable::mmsa);
  for (std::size_t column = 0; column < table.header.size(); ++column) {
    const auto first = table.rows.empty() ? std::string() : "'" + table.rows.front()[column] + "'";
    schema.keys.push_back({table.header[column], {first, "", ""}, columns.is_used(column)});
  }
  schema.facts.push_back(fmt::format("{} rows", table.rows.size()));
  for (const auto* notes : {&table.notes, &columns.notes, &columns.warnings})
    schema.facts.insert(schema.facts.end(), notes->begin(), notes->end());
  return schema;
}

std::string length_line(const Dataset& data, Modality modality, const Feature& feature) {
  auto lengths = feature.lengths;
  std::sort(lengths.begin(), lengths.end());
  std::int64_t leading = 0, trailing = 0;
  const auto width = std::size_t(feature.width()), beginning = width * std::size_t(1 + rows_before_words(data));
  for (std::size_t row = 0; row < data.clips.size(); ++row) {
    const auto clip = feature.clip(std::int64_t(row));
    const std::span frames(clip.const_data_ptr<float>(), std::size_t(clip.numel()));
    if (frames.size() <= width) continue;
    leading += frames.size() > beginning && all_zero(frames.first(beginning)) && !all_zero(frames) ? 1 : 0;
    trailing += all_zero(frames.last(width)) ? 1 : 0;
  }
  const auto at = [&](double share) {
    return lengths.empty() ? 0 : lengths[std::size_t(share * double(lengths.size() - 1))];
  };
  return fmt::format(
      "{}: width {}, padded to {}, lengths {} to {} (median {}), {} stored frames; {} clips start with zero "
      "frames, {} end with zero frames inside their length{}",
      modality_name(modality), feature.width(), feature.padded_length, at(0), at(1), at(0.5), feature.values.size(0),
      leading, trailing, 2 * leading > std::int64_t(data.clips.size()) ? " (padded on the left? see data.mask)" : "");
}

void add_facts(FileSchema& schema, const Dataset& data) {
  const auto sizes = split_sizes(data);
  const auto* set = published_set(sizes);
  schema.facts.push_back(fmt::format("{} clips: train {}, valid {}, test {}{}", data.clips.size(), sizes[0], sizes[1],
                                     sizes[2], set != nullptr ? fmt::format(" (the sizes of {})", set->title) : ""));
  if (const auto* known = known_file(data.source_sha256))
    schema.facts.push_back(fmt::format("known file: {}", known->title));
  schema.facts.push_back(fmt::format("name {}, language {}, scores [{}, {}], metrics {}", data.name,
                                     data.language.empty() ? "unknown" : data.language, data.score_low, data.score_high,
                                     metric_family_name(data.family)));
  float low = 0, high = 0;
  for (const Clip& clip : data.clips) {
    low = std::min(low, std::isnan(clip.label) ? low : clip.label);
    high = std::max(high, std::isnan(clip.label) ? high : clip.label);
  }
  schema.facts.push_back(fmt::format("labels from {} to {}; unimodal labels: {}", low, high,
                                     data.has_unimodal_labels(Modality::text) ? "yes" : "no"));
  schema.facts.emplace_back(data.is_aligned ? "aligned: one frame per word piece" : "unaligned");
  for (const Modality modality : kModalities)
    if (const auto& feature = data.feature(modality)) schema.facts.push_back(length_line(data, modality, *feature));
  if (data.text_bert.defined())
    schema.facts.push_back(fmt::format("text_bert: {} word pieces, ids up to {}", data.text_bert.size(2),
                                       data.text_bert.select(1, 0).max().item<std::int64_t>()));
  schema.facts.push_back("fingerprint " + data.fingerprint);
}

}  // namespace

std::string FileSchema::text() const {
  std::string text = fmt::format("{}: {}\n", source, kind);
  std::size_t widest = 0;
  for (const SchemaKey& key : keys) widest = std::max(widest, key.name.size());
  for (const SchemaKey& key : keys) {
    std::vector<std::string> content;
    for (const auto& part : key.content)
      if (!part.empty() && (content.empty() || content.back() != part)) content.push_back(part);
    text += fmt::format("  {:<{}}  {}{}\n", key.name, widest, join(content, " | "), key.is_known ? "" : "  (not used)");
  }
  for (const std::string& fact : facts) text += fact + "\n";
  if (!problem.empty()) text += "cannot be opened as a data set: " + problem + "\n";
  return text;
}

std::string FileSchema::json() const {
  nlohmann::ordered_json all{{"source", source}, {"kind", kind}, {"keys", nlohmann::ordered_json::array()}};
  for (const SchemaKey& key : keys)
    all["keys"].push_back({{"name", key.name},
                           {"used", key.is_known},
                           {"train", key.content[0]},
                           {"valid", key.content[1]},
                           {"test", key.content[2]}});
  all["facts"] = facts;
  all["problem"] = problem;
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

FileSchema inspect_file(const fs::path& path) {
  const bool is_folder = fs::is_directory(path);
  FileSchema schema = is_folder ? prepared_schema(path) : is_table(path) ? table_schema(path) : pickle_schema(path);
  try {
    add_facts(schema, open_dataset(path));
  } catch (const DataError& error) {
    schema.problem = error.what();
  }
  return schema;
}

}  // namespace kuda
