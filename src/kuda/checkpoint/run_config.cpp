#include "kuda/checkpoint/run_config.h"

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"

namespace kuda {

Schema RunConfig::schema() {
  Schema schema;
  Fields top;
  top.add("model", model, "name of the model, see `kuda models`");
  top.add("profile", profile, "named set of the model's options below the other keys of this file; empty: its first");
  top.add("encoder", encoder, "folder of the text encoder in Hugging Face layout", {}, Effect::file);
  top.add("pretrained", pretrained, "run folder of `kuda pretrain` whose stage 1 is used; empty: stage 1 is run", {},
          Effect::place);
  top.add("seed", seed, "seed of every random stream", at_least(0));
  // OpenMP ends the program where it cannot start a thread, and more threads than cores win nothing.
  top.add("threads", threads, "threads of LibTorch; 0 = its default", between(0, 1024), Effect::place);
  top.add("device", device, "cpu or cuda", {}, Effect::place);
  top.add("products", products,
          "library of float32 products on the CPU: default (LibTorch's own choice), onednn or auto; auto = onednn on "
          "AMD processors with AVX-512, where the default is slow",
          {}, Effect::place);
  schema.add("", "the run", std::move(top));
  const auto add = [&](const std::string& name, const std::string& help, auto& section) {
    Fields fields;
    section.describe(fields);
    schema.add(name, help, std::move(fields));
  };
  Fields path;
  path.add("path", data, "a feature file (.pkl in MMSA layout) or a prepared folder", {}, Effect::place);
  schema.add("data", "the data set and how its clips become batches", std::move(path));
  add("data", "", collate);
  Fields source;
  source.add("data", pretrain_data, "data set of stage 1 if not that of the run (a .pkl or a prepared folder)", {},
             Effect::file);
  schema.add("pretrain", "stage 1", std::move(source));
  add("pretrain", "", pretrain);
  add("train", "the main task", train);
  if (model_config) add(model, "options of the model", *model_config);
  return schema;
}

namespace {

const ModelInfo& info_of(const ConfigFile& file, const std::string& fallback) {
  const auto named = file.peek_text("model");
  return find_model(named.empty() ? fallback : named);
}

/// The assignments of a profile as a configuration of their own.
ConfigFile profile_file(const ModelInfo& info, const std::string& name) {
  std::vector<std::string> known;
  for (const auto& profile : info.profiles) {
    known.push_back(profile.name);
    if (profile.name != name) continue;
    ConfigFile file;
    for (const auto& assignment : profile.assignments) file.set(assignment, "profile " + name);
    return file;
  }
  if (known.empty())
    throw ConfigError("model '" + info.name + "' has no profiles, found '" + name + "'", "leave it out");
  throw ConfigError("unknown profile '" + name + "' of model '" + info.name + "'", suggestion(name, known));
}

/// The profile that is named over the file: --profile, or the last --set profile=NAME.
std::string named_profile(const ConfigChanges& changes) {
  if (!changes.profile.empty()) return changes.profile;
  ConfigFile sets;
  for (const auto& assignment : changes.sets) sets.set(assignment);
  return sets.peek_text("profile");
}

RunConfig resolve(ConfigFile file, const ConfigChanges& changes) {
  ConfigFile sets;
  for (const auto& assignment : changes.sets) {
    file.set(assignment);
    sets.set(assignment);
  }
  RunConfig config;
  const auto& info = info_of(file, config.model);
  config.model = info.name;
  config.model_config = info.make_config();
  const auto schema = config.schema();
  auto profile = file.peek_text("profile");
  if (profile.empty() && !info.profiles.empty()) profile = info.profiles.front().name;
  if (!profile.empty()) profile_file(info, profile).apply(schema);
  file.apply(schema);
  if (const auto named = named_profile(changes); !named.empty()) {
    profile = named;
    profile_file(info, profile).apply(schema);
    sets.apply(schema);
  }
  config.profile = profile;
  config.train.check("train");
  config.pretrain.check("pretrain");
  return config;
}

}  // namespace

RunConfig RunConfig::load(const std::filesystem::path& path, const ConfigChanges& changes) {
  return resolve(path.empty() ? ConfigFile() : ConfigFile::load(path), changes);
}

RunConfig RunConfig::parse(const std::string& toml, const std::string& source, const ConfigChanges& changes) {
  return resolve(ConfigFile::parse(toml, source), changes);
}

std::string RunConfig::to_toml() { return schema().to_toml(); }

}  // namespace kuda
