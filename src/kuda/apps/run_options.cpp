#include "kuda/apps/run_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/tensor/precision.h"

namespace kuda {

void RunOptions::add_to(CLI::App& verb) {
  verb.add_option("-d,--data", data, "feature file (*.pkl) or prepared folder; [data] path");
  verb.add_option("--pretrain-data", pretrain_data, "another data set for stage 1 (knowledge from A for a model of B)");
  verb.add_option("-m,--model", model, "see `kuda models` (default: the file's, else kuda)");
  verb.add_option("-c,--config", file, "configuration (TOML), for example configs/kuda_mosi.toml");
  verb.add_option("-s,--seed", seeds, "seed; several make one run each")->type_name("INT")->allow_extra_args(false);
  verb.add_option(
      "--profile", profile,
      "named set of the model's options (`kuda models` lists them): of kuda paper, released, masked, selecting");
  verb.add_option("--encoder", encoder, "text encoder: a folder in Hugging Face layout");
  verb.add_option("--modalities", modalities, "those in use, for example T,V,A or text,audio (default: all)")
      ->check([](const std::string& list) { return list.empty() ? "expected at least one of T, V, A" : ""; });
  verb.add_option("--device", device, "cpu or cuda");
  verb.add_option("--precision", precision,
                  std::string("of training and of stage 1 (train.precision, pretrain.precision): ") + kPrecisionHelp);
  verb.add_option("--set", sets, "one key of docs/configuration.md, for example train.lr=1e-4; may repeat")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void RunOptions::add_out_to(CLI::App& verb) {
  verb.add_option("--out", out, "run folder (default: runs/MODEL-DATA-SEED)");
  verb.add_option("--join-seconds", join_seconds,
                  "where a launcher starts several processes (WORLD_SIZE): how long they wait for each other")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}

std::vector<std::string> modality_names(const std::string& list) {
  std::vector<std::string> words, names;
  std::stringstream stream(list);
  for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
  const bool is_letters = words.size() == 1 && list.find_first_not_of("TVAtva") == std::string::npos;
  if (is_letters) {
    words.clear();
    for (const char letter : list) words.emplace_back(1, letter);
  }
  for (auto& word : words) {
    if (word.size() == 1) word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
    const std::string name(modality_name(modality_from(word)));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (names.empty()) throw ConfigError("--modalities: expected at least one of T, V, A");
  return names;
}

RunConfig RunOptions::config(const std::optional<std::string>& seed) const {
  ConfigChanges changes{profile, {}};
  if (!model.empty()) changes.sets.push_back("model=" + model);
  changes.sets.insert(changes.sets.end(), sets.begin(), sets.end());
  RunConfig config = RunConfig::load(file, changes);
  const auto is_set = [&](const std::string& key) {
    return std::any_of(sets.begin(), sets.end(), [&](const auto& set) { return set.starts_with(key + "="); });
  };
  ConfigFile given;  // checked as values of a file are, and named as they were given
  for (const std::string key : {"train.precision", "pretrain.precision"})
    if (!precision.empty() && !is_set(key)) given.set(key + "=" + precision, "--precision " + precision + ":");
  if (seed) given.set("seed=" + *seed, "--seed " + *seed + ":");
  given.apply(config.schema());
  if (!data.empty() && !is_set("data.path")) config.data = data;
  if (!pretrain_data.empty() && !is_set("pretrain.data")) config.pretrain_data = pretrain_data;
  if (!encoder.empty() && !is_set("encoder")) config.encoder = encoder;
  if (!device.empty() && !is_set("device")) config.device = device;
  if (!modalities.empty() && !is_set("data.modalities")) config.collate.modalities = modality_names(modalities);
  return config;
}

std::vector<RunConfig> RunOptions::configs() const {
  std::vector<RunConfig> configs;
  for (std::size_t i = 0; i < std::max<std::size_t>(1, seeds.size()); ++i) {
    configs.push_back(config(i < seeds.size() ? std::optional(seeds[i]) : std::nullopt));
  }
  for (const auto& config : configs)
    if (config.data.empty())
      throw UsageError("no data set is named", "give one with -d, or as [data] path in the configuration");
  return configs;
}

std::filesystem::path RunOptions::folder(const RunConfig& config) const {
  const std::filesystem::path data_path(config.data);
  const std::string stem =
      data_path.has_filename() ? data_path.stem().string() : data_path.parent_path().stem().string();
  if (out.empty()) return fmt::format("runs/{}-{}-{}", config.model, stem, config.seed);
  return seeds.size() > 1 ? std::filesystem::path(out) / fmt::format("seed-{}", config.seed)
                          : std::filesystem::path(out);
}

void RunOptions::for_each_run(
    const std::function<void(RunConfig&, const std::filesystem::path&, Progress&, const ProcessGroup&)>& work) const {
  auto all = configs();
  const auto group = join_processes(all.front());
  for (auto& config : all) {
    ConsoleProgress progress;
    NoProgress silent;
    work(config, folder(config), group->is_first() ? static_cast<Progress&>(progress) : silent, *group);
  }
}

std::unique_ptr<ProcessGroup> RunOptions::join_processes(const RunConfig& config) const {
  const std::chrono::duration<double> limit(join_seconds);
  auto group =
      ProcessGroup::from_environment(config.device, std::chrono::duration_cast<std::chrono::milliseconds>(limit));
  if (!group->is_first()) set_log_sink([](LogLevel, const std::string&) {});
  return group;
}

}  // namespace kuda
