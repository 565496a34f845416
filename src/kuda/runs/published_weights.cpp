#include "kuda/runs/published_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/io/torch_zip.h"
#include "kuda/io/weights_file.h"
#include "kuda/runs/session.h"
#include "kuda/tensor/state_dict.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

using Beginnings = std::vector<std::pair<std::string, std::string>>;  // ours, theirs

/// The BERT that stands for a data set's missing text features (nn/text_features.h): no part of a published model.
bool is_feature_encoder(const ModelInfo& info, std::string_view name) {
  return info.text == TextInput::features && name.starts_with("text_encoder.");
}

bool is_unpublished(const ModelInfo& info, std::string_view name) {
  return info.is_unpublished && info.is_unpublished(name);
}

/// Constants that some versions of the published libraries save and others do not.
bool is_constant(std::string_view name) { return name.ends_with("position_ids") || name.ends_with("_float_tensor"); }

/// The first beginning that fits is replaced by the other of its pair.
std::string replaced(std::string_view name, const Beginnings& beginnings, bool is_ours) {
  for (const auto& [ours, theirs] : beginnings) {
    const auto& from = is_ours ? ours : theirs;
    if (name.starts_with(from)) return (is_ours ? theirs : ours) + std::string(name.substr(from.size()));
  }
  return std::string(name);
}

/// Without what torch.compile, FSDP and checkpointing put into names, wherever they were applied.
std::string without_wrappers(std::string name) {
  for (const std::string_view wrapper : {"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."})
    for (auto at = name.find(wrapper); at != std::string::npos; at = name.find(wrapper, at)) {
      if (at == 0 || name[at - 1] == '.')
        name.erase(at, wrapper.size());
      else
        ++at;
    }
  return name;
}

/// How the names of a file become ours.
struct Naming {
  std::string prefix;  ///< what a wrapper put before them: "Model.", "module.model.", whatever its field was called
  const Beginnings* beginnings = nullptr;
  Beginnings listed_twice{};

  [[nodiscard]] std::string operator()(std::string_view theirs) const {
    auto name = without_wrappers(std::string(theirs));
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    if (is_constant(name)) return {};
    return replaced(replaced(name, *beginnings, false), listed_twice, false);
  }
};

/// Beginnings, up to a dot, that more than half of the names have: "", "module.", "module.model.", ...
std::vector<std::string> common_prefixes(const io::ArrayFile& file) {
  std::vector<std::string> names, prefixes{""};
  for (const auto& entry : file.arrays) names.push_back(without_wrappers(entry.first));
  while (true) {
    std::map<std::string, std::size_t> count;
    for (const auto& name : names)
      if (const auto dot = name.find('.', prefixes.back().size());
          name.starts_with(prefixes.back()) && dot != std::string::npos)
        ++count[name.substr(0, dot + 1)];
    const auto most = std::max_element(count.begin(), count.end(),
                                       [](const auto& left, const auto& right) { return left.second < right.second; });
    if (most == count.end() || 2 * most->second <= names.size()) return prefixes;
    prefixes.push_back(most->first);
  }
}

const Beginnings& beginnings_of(const ModelInfo& info, const std::string& code) {
  static const Beginnings none;
  std::vector<std::string> known;
  for (const auto& names : info.published_names) {
    if (names.code == code) return names.beginnings;
    known.push_back(names.code);
  }
  if (code.empty()) return none;
  throw UsageError(fmt::format("model '{}' has no other names '{}'", info.name, code),
                   known.empty() ? "all published code names its tensors alike" : suggestion(code, known));
}

/// How many tensors of the file have a name in the model, by the names that fit best.
struct Fit {
  std::string code;
  Naming naming;
  std::size_t known = 0;
};

Fit fit_of(const Model& model, const ModelInfo& info, const io::ArrayFile& file) {
  std::set<std::string> targets;
  for (const auto& item : model.named_parameters()) targets.insert(item.key());
  for (const auto& item : model.named_buffers()) targets.insert(item.key());
  std::vector<std::string> codes{""};
  for (const auto& names : info.published_names) codes.push_back(names.code);
  std::optional<Fit> best;
  for (const auto& prefix : common_prefixes(file))
    for (const auto& code : codes) {
      Fit fit{code, {prefix, &beginnings_of(info, code), model.listed_twice()}};
      for (const auto& entry : file.arrays) fit.known += targets.count(fit.naming(entry.first));
      if (!best || fit.known > best->known) best = fit;
    }
  return *best;
}

/// An encoder that costs nothing to make: where names and lengths are asked for, its widths do not matter.
TextEncoder without_tables(BertConfig bert) {
  bert.vocab_size = bert.type_vocab_size = bert.intermediate_size = bert.max_position_embeddings = 1;
  bert.pad_token_id = 0;
  return {bert, ""};
}

/// "stage 1 ...", "model ..." whose names fit the file better than `known` of them; empty: nothing does.
std::string better_owner(const RunConfig& config, const CheckpointFacts& facts, const io::ArrayFile& file,
                         std::size_t known) {
  std::string hint;
  for (const auto& info : all_models()) {
    const auto own = info.make_config();
    const auto& options = info.name == config.model ? *config.model_config : *own;
    auto text = without_tables(facts.bert);
    if (info.name != config.model) text.bert.num_hidden_layers = 12;  // what default options are made for
    const auto consider = [&](const std::string& task, const std::string& found) {
      try {
        const auto fit = fit_of(*make_model(info, options, task, facts.shape, text), info, file);
        if (fit.known <= known) return;
        known = fit.known;
        hint = found;
      } catch (const Error&) {  // its options do not go with these data
      }
    };
    consider(kMainTask, info.name == config.model ? "its names are those of the main task: leave --task out"
                                                  : "its names are those of '" + info.name + "': -m " + info.name);
    if (!info.pretrain_tasks) continue;
    std::vector<std::string> tasks;
    for (const auto& task : info.pretrain_tasks(options, facts.shape, facts.shape, text)) tasks.push_back(task.name);
    for (const auto& task : tasks)
      consider(task, fmt::format("its names are those of stage 1 of '{}': --task {}", info.name, join(tasks, " or ")));
  }
  return hint;
}

void check_owner(const RunConfig& config, const CheckpointFacts& facts, const Model& model, const io::ArrayFile& file) {
  const auto known = fit_of(model, find_model(config.model), file).known;
  if (2 * known >= file.arrays.size()) return;
  if (const auto hint = better_owner(config, facts, file, known); !hint.empty())
    throw CheckpointError(fmt::format("{}: {} of its {} tensors have names of model '{}', task '{}'",
                                      file.path.string(), known, file.arrays.size(), config.model, facts.task),
                          hint);
}

/// The value of a length with which the model's tensors would have the file's sizes; nothing where none depends on it.
/// Sizes are linear in lengths, so one more frame shows how they grow.
std::optional<std::int64_t> length_in(const Model& model, const Model& longer, std::int64_t length,
                                      const std::map<std::string, std::vector<std::int64_t>>& sizes) {
  const auto grown = longer.named_parameters();
  for (const auto& item : model.named_parameters()) {
    const auto found = sizes.find(item.key());
    const auto before = item.value().sizes(), after = grown[item.key()].sizes();
    if (found == sizes.end() || before == after || found->second.size() != before.size()) continue;
    for (std::size_t axis = 0; axis < before.size(); ++axis) {
      const auto growth = after[axis] - before[axis], missing = found->second[axis] - before[axis];
      if (growth > 0 && missing % growth == 0 && length + missing / growth > 0) return length + missing / growth;
    }
  }
  return std::nullopt;
}

/// `shape` with the lengths that the weights fix.
DataShape with_lengths_of(const io::ArrayFile& file, const RunConfig& config, const CheckpointFacts& facts) {
  const auto& info = find_model(config.model);
  const auto text = without_tables(facts.bert);
  const auto make = [&](const DataShape& shape) {
    return make_model(info, *config.model_config, facts.task, shape, text);
  };
  auto shape = facts.shape;
  const auto model = make(shape);
  const auto naming = fit_of(*model, info, file).naming;
  std::map<std::string, std::vector<std::int64_t>> sizes;
  for (const auto& [name, array] : file.arrays) sizes[naming(name)] = array.shape;
  for (const auto modality : kModalities) {
    auto longer = facts.shape;
    ++longer.length[modality];
    if (const auto length = length_in(*model, *make(longer), facts.shape.length[modality], sizes))
      shape.length[modality] = *length;
  }
  return shape;
}

void check_target(const fs::path& out) {
  if (fs::exists(out / "config.json") || !fs::exists(out) || (fs::is_directory(out) && fs::is_empty(out))) return;
  throw UsageError(out.string() + ": holds something else than a checkpoint", "name a new folder");
}

/// A fresh model must not keep initial values of what no published file holds.
void check_complete(const io::ArrayFile& file, const ModelInfo& info, const Model& model) {
  const auto check = [&](const std::string& name) {
    if (is_unpublished(info, name) && !file.arrays.contains(name))
      throw CheckpointError(fmt::format("{}: the scores of '{}' need {}, which no published dictionary holds",
                                        file.path.string(), info.name, name),
                            "train the model here once and take the rest from its checkpoint: --like");
  };
  for (const auto& item : model.named_buffers()) check(item.key());
  for (const auto& item : model.named_parameters()) check(item.key());
}

ImportResult save_imported(const io::ArrayFile& file, const fs::path& out, Checkpoint& checkpoint) {
  const auto& facts = checkpoint.facts;
  const auto folder = facts.task == kMainTask ? out : out / facts.task / "model";
  check_target(folder);
  check_owner(checkpoint.config, facts, *checkpoint.model, file);
  const auto names = load_published(*checkpoint.model, find_model(checkpoint.config.model), file);
  // Who trained these weights on what is not in the file.
  checkpoint.facts.select = "published";
  checkpoint.facts.epoch = checkpoint.facts.epochs = 0;
  checkpoint.facts.data_fingerprint = checkpoint.facts.source_sha256 = "";
  save_checkpoint(folder, *checkpoint.model, checkpoint.config, facts,
                  checkpoint.tokenizer ? &*checkpoint.tokenizer : nullptr, checkpoint.normaliser);
  return {folder, file.arrays.size(), names};
}

}  // namespace

io::ArrayFile read_published(const fs::path& path) { return io::read_weights(path); }

std::string load_published(Model& model, const ModelInfo& info, const io::ArrayFile& file) {
  const auto fit = fit_of(model, info, file);
  const auto& naming = fit.naming;
  if (!naming.prefix.empty()) log_info("{}: the model's names stand behind '{}'", file.path.string(), naming.prefix);
  // n_averaged: of AveragedModel, beside the weights that it averages
  const auto is_counter = [](std::string_view name) {
    return name.ends_with("num_batches_tracked") || name == "n_averaged";
  };
  LoadOptions options;
  options.rename = [&](std::string_view name) { return naming(name); };
  options.may_miss = [&](std::string_view name) {
    return is_constant(name) || is_counter(name) || is_feature_encoder(info, name) || !model.is_saved(name) ||
           is_unpublished(info, name);
  };
  options.may_ignore = [&](std::string_view name) {
    return is_counter(name) || (info.is_unused && info.is_unused(name));
  };
  load_state(model, file, options);
  for (const auto& parameter : model.named_parameters())
    if (!parameter.value().isfinite().all().item<bool>())
      throw CheckpointError(fmt::format("{}: {} holds NaN or infinity", file.path.string(), parameter.key()),
                            "the training that wrote it had diverged, or the file is damaged");
  return fit.code;
}

ImportResult import_published(const fs::path& path, const fs::path& out, RunConfig& config, const std::string& task) {
  const auto file = read_published(path);
  if (file.arrays.empty()) throw FormatError(path.string() + ": holds no tensors");
  Session session(config, config.data, config.collate);
  const auto& info = find_model(config.model);
  Checkpoint checkpoint;
  checkpoint.facts = session.facts(task, session.shape());
  checkpoint.facts.shape = with_lengths_of(file, config, checkpoint.facts);
  // The encoder's own weights are only of use where the published ones do not replace them.
  const TextEncoder text{session.text().bert, info.text == TextInput::features ? session.text().folder : ""};
  checkpoint.model = make_model(info, *config.model_config, task, checkpoint.facts.shape, text);
  check_complete(file, info, *checkpoint.model);
  if (session.tokenizer() != nullptr) checkpoint.tokenizer = *session.tokenizer();
  if (config.collate.needs_statistics()) checkpoint.normaliser = session.collator({}, false).normaliser();
  checkpoint.config = std::move(config);
  auto result = save_imported(file, out, checkpoint);
  config = std::move(checkpoint.config);
  return result;
}

ImportResult import_published(const fs::path& path, const fs::path& out, Checkpoint like) {
  return save_imported(read_published(path), out, like);
}

std::map<std::string, io::Array> published_state(const Model& model, const ModelInfo& info,
                                                 const ExportOptions& options) {
  const auto& beginnings = beginnings_of(info, options.names);
  std::map<std::string, io::Array> state;
  for (const auto& [name, array] : state_of(model)) {
    if (!model.is_saved(name) || is_feature_encoder(info, name) || is_unpublished(info, name)) continue;
    state[options.prefix + replaced(name, beginnings, true)] = array;
    for (const auto& twice : model.listed_twice())
      if (name.starts_with(twice.first)) state[options.prefix + replaced(name, {twice}, true)] = array;
  }
  return state;
}

std::size_t export_published(const Checkpoint& checkpoint, const fs::path& path, const ExportOptions& options) {
  const auto state = published_state(*checkpoint.model, find_model(checkpoint.config.model), options);
  if (path.extension() == ".safetensors")
    io::write_safetensors(path, state, {{"format", "pt"}});  // what Python's loaders look for
  else
    io::write_torch_zip(path, state);
  return state.size();
}

}  // namespace kuda
