#include "kuda/runs/stage1.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/random.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/io/safetensors.h"
#include "kuda/runs/held_out.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

Target target_of(const RunConfig& config, const Dataset& dataset, Modality modality) {
  if (config.pretrain.labels == PretrainLabels::multimodal) return std::nullopt;
  if (!dataset.has_unimodal_labels(modality))
    throw DataError(fmt::format("{}: pretraining of {} needs the label {} of every training clip, and {}",
                                dataset.source, modality_name(modality), fmt::format("label_{}", letter(modality)),
                                labelled(dataset, Split::train, modality).empty() ? "there is none" : "some have none"),
                    "set pretrain.labels = \"multimodal\", or name a data set that has them in pretrain.data");
  return modality;
}

/// Lengths of the target do not bind another data set; word pieces are alike everywhere.
DataConfig for_other_data(DataConfig collate) {
  collate.vision_length = collate.audio_length = 0;
  return collate;
}

/// Trains the task without a part of its clips, or with all of them, into the folder.
void train_without(std::optional<std::int64_t> fold, const fs::path& folder, const PretrainTask& task, Plan plan,
                   RunConfig& config, Session& source, const Surroundings& around) {
  if (open_and_look(folder, config, false, around)) return;
  plan.fold = fold;
  const auto stream = fold ? fmt::format("init {} fold{}", task.name, *fold) : "init " + task.name;
  torch::manual_seed(stream_seed(std::uint64_t(config.seed), stream));
  plan.model = task.make();
  run_task(folder, plan, config, source, around);
}

/// Of features that kuda made from video: knowledge of one recipe says nothing about the numbers of another.
void require_one_recipe(const std::string& key, const std::string& source, const std::string& recipe,
                        const Dataset& target) {
  const auto main = recipe_of(target);
  if (recipe.empty() || main.empty() || recipe == main) return;
  throw ConfigError(fmt::format("{}: the features of {} and {} were made from video by two recipes: {}", key, source,
                                target.source, recipe_differences(recipe, main)),
                    "extract both by one recipe; pretrain.any_recipe = true trains on both all the same");
}

/// Those of `tasks` that are asked for: all, or the one that is named. Throws UsageError for an unknown name.
std::vector<PretrainTask> chosen_tasks(std::vector<PretrainTask> tasks, const std::string& only) {
  if (only.empty() || tasks.empty()) return tasks;
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task.name);
  std::erase_if(tasks, [&](const auto& task) { return task.name != only; });
  if (tasks.empty()) throw UsageError("no task '" + only + "' precedes the main one", suggestion(only, names));
  return tasks;
}

io::ArrayFile read_stage1(const fs::path& path, const RunConfig& config) {
  try {
    return io::read_safetensors(path);
  } catch (const FormatError& error) {
    const auto folder = path.parent_path().parent_path().string();
    throw CheckpointError(error.message(), config.pretrained.empty()
                                               ? "delete " + folder + " to train this task again"
                                               : "take another copy, or make it again with `kuda pretrain`");
  }
}

}  // namespace

std::vector<std::string> pretrain_into(RunConfig& config, const fs::path& out, Session& target,
                                       const Surroundings& around, bool restart, const std::string& only) {
  const auto& info = find_model(config.model);
  if (!info.pretrain_tasks) return {};
  std::unique_ptr<Session> other;
  if (!config.pretrain_data.empty()) {
    other = std::make_unique<Session>(config, config.pretrain_data, for_other_data(config.collate));
    around.inputs.know("pretrain.data", other->dataset().fingerprint);
    if (!config.pretrain.any_recipe)
      require_one_recipe("pretrain.data", other->dataset().source, recipe_of(other->dataset()), target.dataset());
    if (config.collate.normalise == Normalise::none)
      around.progress.line(
          "note: pretraining on other data: features of the two differ in scale; data.normalise = \"standardise\" "
          "brings both to the same");
  }
  Session& source = other ? *other : target;
  std::vector<std::string> names;
  for (const auto& task :
       chosen_tasks(info.pretrain_tasks(*config.model_config, target.shape(), source.shape(), target.text()), only)) {
    names.push_back(task.name);
    const auto folder = out / task.name;
    const auto lock = only.empty() ? lock_folder(folder, around.group) : nullptr;  // else the caller holds it
    if (!restart && open_and_look(folder, config, false, around)) {
      around.progress.line(fmt::format("{}: finished before", folder.string()));
      continue;
    }
    const auto label = target_of(config, source.dataset(), task.modality);
    if (restart) (void)open_and_look(folder, config, true, around);  // what is refused leaves the old run
    Plan plan{task.name, nullptr, task.shape, label, config.pretrain.for_task(task.modality)};
    const auto rows = labelled(source.dataset(), Split::train, label);
    if (config.pretrain.folds == 0)
      scale_distances(folder, source.dataset(), rows, around.group, [&](const fs::path& first) {
        train_without(std::nullopt, first, task, plan, config, source, around);
      });
    if (config.pretrain.folds > 1)
      hold_out(folder, source.dataset(), rows, config.pretrain.folds, around.group,
               [&](std::int64_t fold, const fs::path& part) {
                 train_without(fold, part, task, plan, config, source, around);
               });
    take_held_out(folder, task.modality, source.dataset());
    torch::manual_seed(stream_seed(std::uint64_t(config.seed), "init " + task.name));
    plan.model = task.make();
    run_task(folder, plan, config, source, around);
  }
  return names;
}

void adopt_pretrained(const RunConfig& config, const fs::path& folder, const std::vector<PretrainTask>& tasks,
                      const Dataset& dataset, Model& model, Progress& progress) {
  const bool compares = !config.pretrained.empty() && !config.pretrain.any_recipe && !recipe_of(dataset).empty();
  for (const auto& task : tasks) {
    const auto path = folder / task.name / "model" / "model.safetensors";
    if (!fs::exists(path))
      throw CheckpointError(fmt::format("{}: no pretrained model of the task {}: {} is absent", folder.string(),
                                        task.name, path.string()),
                            "`kuda pretrain` makes such a folder; leave `pretrained` empty to do both in one run");
    if (compares && task.modality != Modality::text)
      require_one_recipe("pretrained", path.parent_path().string(), recipe_of_checkpoint(path.parent_path()), dataset);
    for (const auto& name :
         find_model(config.model).adopt(model, *config.model_config, task, read_stage1(path, config)))
      progress.line(fmt::format("note: {}: {} starts fresh", task.name, name));
  }
}

fs::path pretrained_folder(const RunConfig& config, const fs::path& out) {
  if (config.pretrained.empty()) return out / "pretrain";
  const fs::path given(config.pretrained);
  return fs::is_directory(given / "pretrain") ? given / "pretrain" : given;
}

}  // namespace kuda
