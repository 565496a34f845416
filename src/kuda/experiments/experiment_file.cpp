#include "kuda/experiments/experiment_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/config/config.h"
#include "kuda/config/fields.h"
#include "kuda/models/model.h"

namespace kuda {

namespace fs = std::filesystem;

namespace {

/// Lists: no list rather than an empty one.
std::string not_empty(const FieldTarget& target) {
  return with_pointer(target, [](const auto* value) -> std::string {
    if constexpr (requires { value->front(); })
      return value->empty() ? "a list that is not empty" : "";
    else
      return "";
  });
}

void read_fields(const ConfigFile& file, Fields fields) {
  Schema schema;
  schema.add("", "", std::move(fields));
  file.apply(schema);
}

void require(bool is_given, const std::string& place, const char* key) {
  if (!is_given) throw ConfigError(fmt::format("{}'{}' is missing", place, key));
}

void check_names(const std::vector<std::string>& names, const std::string& place, bool may_be_empty) {
  for (const auto& name : names) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    });
    if ((name.empty() && !may_be_empty) || !is_plain || name.starts_with('.'))
      throw ConfigError(
          fmt::format("{}the name '{}' becomes a folder: expected letters, digits, _ and -", place, name));
  }
}

void check_once(const std::vector<std::string>& names, const std::string& place) {
  std::set<std::string> seen;
  for (const auto& name : names)
    if (!seen.insert(name).second) throw ConfigError(fmt::format("{}the name '{}' comes twice", place, name));
}

std::string with_model(std::string text, const std::string& model) {
  const std::string mark = "{model}";
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
    text.replace(at, mark.size(), model);
  return text;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Those of `all` that were asked for. Throws UsageError for a name that is not among them.
std::vector<std::string> chosen(const std::vector<std::string>& all, const std::vector<std::string>& asked,
                                const char* kind) {
  for (const auto& name : asked)
    if (!contains(all, name))
      throw UsageError(fmt::format("the experiment has no {} '{}'", kind, name), suggestion(name, all));
  return asked.empty() ? all : asked;
}

std::vector<const ExperimentVariant*> variants_of(const Experiment& experiment, const std::string& model) {
  std::vector<const ExperimentVariant*> variants;
  for (const auto& variant : experiment.variants)
    if (variant.models.empty() || contains(variant.models, model)) variants.push_back(&variant);
  return variants;
}

}  // namespace

Experiment Experiment::load(const fs::path& path) {
  auto file = ConfigFile::load(path);
  Experiment experiment;
  const auto place = path.string() + ": ";
  std::vector<std::string> data_names, variant_names;
  for (const auto& table : file.take_tables("data")) {
    auto& data = experiment.data.emplace_back();
    Fields fields;
    fields.add("name", data.name, "folder of its runs; --data and --encoder use it");
    fields.add("config", data.config, "preset; {model} stands for the model; relative to this file");
    fields.add("path", data.path, "feature file or prepared folder, where it is not given with --data");
    fields.add("encoder", data.encoder, "text encoder, where it is not given with --encoder");
    fields.add("synth", data.synth, "options of `kuda data synth`: the data set is made", not_empty);
    fields.add("encoder_layers", data.encoder_layers,
               "cut the encoder to its first layers and the data's words; 0: take it as it is", at_least(0));
    read_fields(table, std::move(fields));
    require(!data.config.empty(), place + "data: ", "config");
    if (!data.path.empty() && !data.synth.empty())
      throw ConfigError(fmt::format("{}data: '{}' has both path and synth: give one of the two", place, data.name));
    data.config = (path.parent_path() / data.config).lexically_normal().string();
    data_names.push_back(data.name);
  }
  for (const auto& table : file.take_tables("variants")) {
    auto& variant = experiment.variants.emplace_back();
    Fields fields;
    fields.add("name", variant.name, "follows the model's name; empty: the plain system");
    fields.add("profile", variant.profile, "named set of options");
    fields.add("modalities", variant.modalities, "those in use, for example T,V");
    fields.add("set", variant.sets, "KEY=VALUE", not_empty);
    fields.add("models", variant.models, "those that have this variant", not_empty);
    fields.add("shares_stage1", variant.shares_stage1, "false: what it changes changes stage 1 too");
    read_fields(table, std::move(fields));
    variant_names.push_back(variant.name);
  }
  Fields fields;
  fields.add("title", experiment.title, "what the runs are for");
  fields.add("seeds", experiment.seeds, "one run each", at_least(0));
  fields.add("models", experiment.models, "names in `kuda models`", not_empty);
  fields.add("set", experiment.sets, "KEY=VALUE for every run", not_empty);
  fields.add("explain", experiment.explain, "every run says which modality decided its test clips");
  read_fields(file, std::move(fields));
  require(!experiment.title.empty(), place, "title");
  require(!experiment.seeds.empty(), place, "seeds");
  require(!experiment.models.empty(), place, "models");
  require(!experiment.data.empty(), place, "data");
  check_names(data_names, place + "data: ", false);
  check_names(variant_names, place + "variants: ", true);
  check_names(experiment.models, place + "models: ", false);
  check_once(data_names, place + "data: ");
  check_once(experiment.models, place + "models: ");
  for (const auto& model : experiment.models) {
    (void)find_model(model);
    std::vector<std::string> of_model;
    for (const auto* variant : variants_of(experiment, model)) of_model.push_back(variant->name);
    check_once(of_model, fmt::format("{}variants: for '{}' ", place, model));
  }
  for (const auto& variant : experiment.variants)
    for (const auto& model : variant.models)
      if (!contains(experiment.models, model))
        throw ConfigError(fmt::format("{}variants: '{}' is for '{}', which is not among the experiment's models", place,
                                      variant.name, model));
  if (experiment.variants.empty()) experiment.variants.emplace_back();
  return experiment;
}

namespace {

std::string entry_or(const std::map<std::string, std::string>& map, const std::string& key, const std::string& other) {
  const auto found = map.find(key);
  return found == map.end() || found->second.empty() ? other : found->second;
}

/// Where the runs of a data set find it, and the items that make it.
struct PreparedData {
  std::string path, encoder;
  std::vector<WorkItem> items;
};

PreparedData prepare(const ExperimentChoice& choice, const ExperimentData& data) {
  PreparedData prepared{entry_or(choice.data, data.name, data.path),
                        entry_or(choice.encoders, data.name, entry_or(choice.encoders, "", data.encoder)),
                        {}};
  if (prepared.path.empty() && !data.synth.empty()) {
    const auto name = data.name + "/data";
    prepared.path = (choice.out / name).string();
    std::vector<std::string> words{"data", "synth", prepared.path};
    words.insert(words.end(), data.synth.begin(), data.synth.end());
    prepared.items.push_back({name, words, "", WorkStage::data});
  }
  if (prepared.path.empty())
    throw UsageError(fmt::format("the experiment needs the data set '{}'", data.name),
                     fmt::format("give it with --data {}=FILE, or leave it out with --only", data.name));
  if (data.encoder_layers > 0) {
    if (prepared.encoder.empty())
      throw UsageError(fmt::format("the experiment cuts a text encoder for '{}'", data.name),
                       "name one with --encoder, for example encoders/minilm");
    const auto name = data.name + "/encoder";
    const auto small = (choice.out / name).string();
    prepared.items.push_back(
        {name,
         {"data", "encoder", prepared.path, prepared.encoder, small, "--layers", std::to_string(data.encoder_layers)},
         "",
         WorkStage::encoder});
    prepared.encoder = small;
  }
  return prepared;
}

/// Arguments that stage 1 and stage 2 of one cell have in common.
std::vector<std::string> common_arguments(const Experiment& experiment, const ExperimentChoice& choice,
                                          const ExperimentData& data, const PreparedData& prepared,
                                          const std::string& model, std::int64_t seed) {
  std::vector<std::string> words{"-m", model,         "-c", with_model(data.config, model),
                                 "-d", prepared.path, "-s", std::to_string(seed)};
  if (!prepared.encoder.empty()) words.insert(words.end(), {"--encoder", prepared.encoder});
  for (const auto* sets : {&experiment.sets, &choice.sets})
    for (const auto& set : *sets) words.insert(words.end(), {"--set", with_model(set, model)});
  return words;
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

}  // namespace

std::vector<WorkItem> work_list(const Experiment& experiment, const ExperimentChoice& choice) {
  std::vector<std::string> data_names;
  for (const auto& data : experiment.data) data_names.push_back(data.name);
  const auto wanted_data = chosen(data_names, choice.only_data, "data set");
  for (const auto* named : {&choice.data, &choice.encoders})
    for (const auto& [name, path] : *named)
      if (!name.empty()) (void)chosen(data_names, {name}, "data set");
  const auto models = chosen(experiment.models, choice.models, "model");
  std::vector<WorkItem> items;
  for (const auto& data : experiment.data) {
    if (!contains(wanted_data, data.name)) continue;
    const auto prepared = prepare(choice, data);
    items.insert(items.end(), prepared.items.begin(), prepared.items.end());
    for (const auto& model : models)
      for (const auto seed : choice.seeds.empty() ? experiment.seeds : choice.seeds) {
        const auto common = common_arguments(experiment, choice, data, prepared, model, seed);
        const auto group = fmt::format("{}/{}/{}", data.name, model, seed);
        const auto stage1 = fmt::format("{}/stage1/{}-{}", data.name, model, seed);
        const auto variants = variants_of(experiment, model);
        const auto sharing = std::count_if(variants.begin(), variants.end(), [](auto* v) { return v->shares_stage1; });
        const bool has_stage1 = find_model(model).pretrain_tasks != nullptr && sharing > 1;
        if (has_stage1)
          items.push_back({stage1, joined({"pretrain"}, joined(common, {"--out", (choice.out / stage1).string()})),
                           group, WorkStage::stage1});
        for (const auto* variant : variants) {
          const auto system = variant->name.empty() ? model : model + "+" + variant->name;
          auto words = joined({"train"}, common);
          if (!variant->profile.empty()) words.insert(words.end(), {"--profile", variant->profile});
          if (!variant->modalities.empty()) words.insert(words.end(), {"--modalities", variant->modalities});
          for (const auto& set : variant->sets) words.insert(words.end(), {"--set", set});
          if (has_stage1 && variant->shares_stage1)
            words.insert(words.end(), {"--pretrained", (choice.out / stage1).string()});
          if (experiment.explain) words.emplace_back("--explain");
          const auto name = fmt::format("{}/{}/{}", data.name, system, seed);
          items.push_back({name, joined(words, {"--out", (choice.out / name).string()}), group, WorkStage::run});
        }
      }
  }
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.stage < b.stage; });
  return items;
}

std::vector<WorkItem> shard_of(const std::vector<WorkItem>& items, const std::string& shard) {
  std::size_t index = 0, count = 0;
  const auto* end = shard.data() + shard.size();
  const auto slash = std::from_chars(shard.data(), end, index);
  const bool is_split = slash.ec == std::errc() && slash.ptr != end && *slash.ptr == '/';
  const auto rest =
      is_split ? std::from_chars(slash.ptr + 1, end, count) : std::from_chars_result{end, std::errc::invalid_argument};
  if (rest.ec != std::errc() || rest.ptr != end || index < 1 || index > count)
    throw UsageError(fmt::format("--shard: expected I/N with 1 <= I <= N, found '{}'", shard));
  std::vector<std::string> groups;
  for (const auto& item : items)
    if (!item.group.empty() && !contains(groups, item.group)) groups.push_back(item.group);
  std::vector<WorkItem> mine;
  for (const auto& item : items) {
    const auto place = std::size_t(std::find(groups.begin(), groups.end(), item.group) - groups.begin());
    if (item.group.empty() || place % count == index - 1) mine.push_back(item);
  }
  return mine;
}

}  // namespace kuda
