#include "kuda/apps/experiment_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/models/model.h"

namespace kuda {

namespace fs = std::filesystem;

namespace {

/// One table of the file. Every key must be asked for: what is left at the end is a typing slip.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string place) : table_(table), place_(std::move(place)) {}

  std::string text(const char* key, bool is_required = false) {
    const auto* node = find(key, is_required);
    if (node == nullptr) return {};
    if (!node->is_string()) fail(key, "a text");
    return node->as_string()->get();
  }
  bool flag(const char* key, bool fallback) {
    const auto* node = find(key, false);
    if (node == nullptr) return fallback;
    if (!node->is_boolean()) fail(key, "true or false");
    return node->as_boolean()->get();
  }
  std::vector<std::string> texts(const char* key, bool is_required = false) {
    return list<std::string>(key, is_required, "a list of texts");
  }
  std::vector<std::int64_t> integers(const char* key) {
    return list<std::int64_t>(key, true, "a list of whole numbers");
  }
  /// The tables of [[key]].
  std::vector<std::pair<const toml::table*, std::string>> tables(const char* key, bool is_required) {
    std::vector<std::pair<const toml::table*, std::string>> found;
    const auto* node = find(key, is_required);
    if (node == nullptr) return found;
    const auto* array = node->as_array();
    if (array == nullptr || array->empty()) fail(key, fmt::format("[[{}]] tables", key));
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!(*array)[i].is_table()) fail(key, fmt::format("[[{}]] tables", key));
      found.emplace_back((*array)[i].as_table(), fmt::format("{}[{}] ", place_ + key, i + 1));
    }
    return found;
  }
  void finish() const {
    for (const auto& [key, value] : table_)
      if (!known_.contains(std::string(key.str())))
        throw ConfigError(fmt::format("{}unknown key '{}'", place_, std::string(key.str())),
                          suggestion(key.str(), {known_.begin(), known_.end()}));
  }

 private:
  template <class T>
  std::vector<T> list(const char* key, bool is_required, const char* expected) {
    std::vector<T> values;
    const auto* node = find(key, is_required);
    if (node == nullptr) return values;
    if (!node->is_array()) fail(key, expected);
    for (const auto& item : *node->as_array()) {
      const auto value = item.value_exact<T>();
      if (!value) fail(key, expected);
      values.push_back(*value);
    }
    if (values.empty()) fail(key, std::string(expected) + " that is not empty");
    return values;
  }
  const toml::node* find(const char* key, bool is_required) {
    known_.insert(key);
    const auto* node = table_.get(key);
    if (node == nullptr && is_required) throw ConfigError(fmt::format("{}'{}' is missing", place_, key));
    return node;
  }
  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    throw ConfigError(fmt::format("{}'{}': expected {}", place_, key, expected));
  }

  const toml::table& table_;
  std::string place_;
  std::set<std::string> known_;
};

void check_names(const std::vector<std::string>& names, const std::string& place, bool may_be_empty) {
  std::set<std::string> seen;
  for (const auto& name : names) {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    });
    if ((name.empty() && !may_be_empty) || !is_plain || name.starts_with('.'))
      throw ConfigError(
          fmt::format("{}the name '{}' becomes a folder: expected letters, digits, _ and -", place, name));
    if (!seen.insert(name).second) throw ConfigError(fmt::format("{}the name '{}' comes twice", place, name));
  }
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

}  // namespace

Experiment Experiment::load(const fs::path& file) {
  const auto place = file.string() + ": ";
  toml::table root;
  try {
    root = toml::parse(read_file(file), file.string());
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}line {}: {}", place, error.source().begin.line, error.description()));
  }
  Experiment experiment;
  TableReader top(root, place);
  experiment.title = top.text("title", true);
  experiment.seeds = top.integers("seeds");
  experiment.models = top.texts("models", true);
  experiment.sets = top.texts("set");
  std::vector<std::string> names;
  for (const auto& [table, where] : top.tables("data", true)) {
    TableReader reader(*table, where);
    auto& data = experiment.data.emplace_back();
    data.name = reader.text("name", true);
    data.config = (file.parent_path() / reader.text("config", true)).lexically_normal().string();
    data.path = reader.text("path");
    data.encoder = reader.text("encoder");
    names.push_back(data.name);
    reader.finish();
  }
  check_names(names, place + "data: ", false);
  names.clear();
  for (const auto& [table, where] : top.tables("variants", false)) {
    TableReader reader(*table, where);
    auto& variant = experiment.variants.emplace_back();
    variant.name = reader.text("name");
    variant.profile = reader.text("profile");
    variant.modalities = reader.text("modalities");
    variant.sets = reader.texts("set");
    variant.models = reader.texts("models");
    variant.shares_stage1 = reader.flag("shares_stage1", true);
    names.push_back(variant.name);
    reader.finish();
    for (const auto& model : variant.models)
      if (!contains(experiment.models, model))
        throw ConfigError(fmt::format("{}'models': {} is not among the experiment's", where, model));
  }
  check_names(names, place + "variants: ", true);
  top.finish();
  if (experiment.variants.empty()) experiment.variants.emplace_back();
  check_names(experiment.models, place + "models: ", false);
  for (const auto& model : experiment.models) (void)find_model(model);
  return experiment;
}

namespace {

/// Arguments that stage 1 and stage 2 of one cell have in common.
std::vector<std::string> common_arguments(const Experiment& experiment, const ExperimentChoice& choice,
                                          const ExperimentData& data, const std::string& model, std::int64_t seed) {
  const auto given = [](const std::map<std::string, std::string>& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string() : found->second;
  };
  const auto path = choice.data.contains(data.name) ? given(choice.data, data.name) : data.path;
  if (path.empty())
    throw UsageError(fmt::format("the experiment needs the data set '{}'", data.name),
                     fmt::format("give it with --data {}=FILE, or leave it out with --only", data.name));
  auto encoder = choice.encoders.contains(data.name) ? given(choice.encoders, data.name) : given(choice.encoders, "");
  if (encoder.empty()) encoder = data.encoder;
  std::vector<std::string> words{"-m", model, "-d", path, "-s", std::to_string(seed)};
  words.insert(words.begin() + 2, {"-c", with_model(data.config, model)});
  if (!encoder.empty()) words.insert(words.end(), {"--encoder", encoder});
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
  std::vector<WorkItem> first, second;
  for (const auto& data : experiment.data)
    for (const auto& model : models)
      for (const auto seed : choice.seeds.empty() ? experiment.seeds : choice.seeds) {
        if (!contains(wanted_data, data.name)) continue;
        const auto common = common_arguments(experiment, choice, data, model, seed);
        const auto group = fmt::format("{}/{}/{}", data.name, model, seed);
        const auto stage1 = fmt::format("{}/stage1/{}-{}", data.name, model, seed);
        std::vector<const ExperimentVariant*> variants;
        for (const auto& variant : experiment.variants)
          if (variant.models.empty() || contains(variant.models, model)) variants.push_back(&variant);
        const auto sharing = std::count_if(variants.begin(), variants.end(), [](auto* v) { return v->shares_stage1; });
        const bool has_stage1 = find_model(model).pretrain_tasks != nullptr && sharing > 1;
        if (has_stage1)
          first.push_back(
              {stage1, joined({"pretrain"}, joined(common, {"--out", (choice.out / stage1).string()})), group, true});
        for (const auto* variant : variants) {
          const auto system = variant->name.empty() ? model : model + "+" + variant->name;
          auto words = joined({"train"}, common);
          if (!variant->profile.empty()) words.insert(words.end(), {"--profile", variant->profile});
          if (!variant->modalities.empty()) words.insert(words.end(), {"--modalities", variant->modalities});
          for (const auto& set : variant->sets) words.insert(words.end(), {"--set", set});
          if (has_stage1 && variant->shares_stage1)
            words.insert(words.end(), {"--pretrained", (choice.out / stage1).string()});
          const auto name = fmt::format("{}/{}/{}", data.name, system, seed);
          second.push_back({name, joined(words, {"--out", (choice.out / name).string()}), group, false});
        }
      }
  first.insert(first.end(), second.begin(), second.end());
  return first;
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
    if (!contains(groups, item.group)) groups.push_back(item.group);
  std::vector<WorkItem> mine;
  for (const auto& item : items) {
    const auto place = std::size_t(std::find(groups.begin(), groups.end(), item.group) - groups.begin());
    if (place % count == index - 1) mine.push_back(item);
  }
  return mine;
}

}  // namespace kuda
