#include "kuda/runs/procedure.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/base/random.h"
#include "kuda/data/sources/recipe_file.h"
#include "kuda/io/safetensors.h"
#include "kuda/runs/held_out.h"
#include "kuda/runs/new_folder.h"
#include "kuda/runs/run_folder.h"
#include "kuda/tensor/device.h"
#include "kuda/tensor/products.h"
#include "kuda/training/data_parallel.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// Whose label a task learns; nothing: the clip's one label.
using Target = std::optional<Modality>;

/// Rows of a split whose clips have the label that the task learns.
std::vector<std::int64_t> labelled(const Dataset& dataset, Split split, Target target) {
  auto rows = dataset.rows(split);
  std::erase_if(rows, [&](std::int64_t row) {
    const auto& clip = dataset.clips[std::size_t(row)];
    return std::isnan(target ? clip.unimodal_labels[*target] : clip.label);
  });
  return rows;
}

/// Clips to score at the end: all; for a unimodal target those that have it, because only they can be batched.
std::vector<std::int64_t> rows_to_score(const Dataset& dataset, Target target) {
  std::vector<std::int64_t> rows;
  for (const auto split : kSplits) {
    const auto part = target ? labelled(dataset, split, target) : dataset.rows(split);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

/// One task of a run.
struct Plan {
  std::string name;  ///< kMainTask or that of a pretraining task
  std::shared_ptr<Model> model;
  DataShape shape;  ///< that the saved model is built for
  Target target;
  TrainConfig options;
  fs::path text_only{};  ///< run of the task that reads text alone, below the folder of this one; empty: there is none
  std::optional<std::int64_t> fold{};  ///< the part of pretrain.folds that it is not trained on
};

struct Surroundings {
  Progress& progress;
  const std::atomic<bool>& stop;
  const ProcessGroup& group;
  RunInputs& inputs;
};

/// Before any work and any file: what this machine cannot do should not be found out after stage 1.
void check_precisions(const RunConfig& config, const ProcessGroup& group) {
  const auto device = device_of(group.own_device(config.device));
  for (const auto precision : {config.pretrain.precision, config.train.precision}) require_support(precision, device);
}

/// Of the whole process.
void take_settings(const RunConfig& config) {
  if (config.threads > 0) torch::set_num_threads(int(config.threads));
  use_products(config.products);
}

/// Held by the first process, for all.
std::unique_ptr<FolderLock> lock_folder(const fs::path& folder, const ProcessGroup& group) {
  std::unique_ptr<FolderLock> lock;
  group.first_does([&] { lock = std::make_unique<FolderLock>(folder); });
  return lock;
}

/// Opens the run folder and says whether its run is finished.
bool open_and_look(const fs::path& folder, RunConfig& config, bool restart, const Surroundings& around) {
  around.group.first_does([&] {
    open_run_folder(folder, config, around.inputs, restart);
    if (is_finished(folder)) fs::remove_all(folder / "state");  // a kill right after the end leaves it
  });
  return around.group.first_says(is_finished(folder));
}

void save(const fs::path& folder, const Plan& plan, RunConfig& config, const Session& session, const Collator& collator,
          const TrainingResult& result, Selection select,
          const std::optional<Calibration>& calibration = std::nullopt) {
  auto facts = session.facts(plan.name, plan.shape);
  facts.epochs = std::int64_t(result.history.size());
  facts.epoch = select == Selection::last ? facts.epochs : result.chosen_epoch;
  facts.select = name_of(select);
  save_checkpoint(folder, *plan.model, config, facts, session.tokenizer(), collator.normaliser(), calibration);
}

/// From the errors on the validation split; none where no clip of it has a label.
std::optional<Calibration> calibrate(const std::vector<Prediction>& predictions) {
  std::vector<float> scores, labels;
  for (const auto& prediction : predictions) {
    if (prediction.split != Split::valid || std::isnan(prediction.label)) continue;
    scores.push_back(prediction.score);
    labels.push_back(prediction.label);
  }
  if (scores.empty()) return std::nullopt;
  return Calibration::fit(scores, labels);
}

std::string label_of(const RunConfig& config, const Plan& plan) {
  return plan.name == kMainTask ? config.model : config.model + " pretrain " + plan.name;
}

std::string short_digest(const std::string& digest) { return digest.empty() ? "none" : digest.substr(0, 16); }

/// Of the options that change numbers, without the places of what is compared by content.
std::string options_digest(RunConfig& config) {
  std::string text;
  for (const auto& option : config.schema().settings())
    if (option.effect != Effect::none && !RunInputs::is_path(option.key))
      text += option.key + " = " + option.value + "\n";
  return short_digest(sha256(text));
}

/// Sizes before the work begins, so that a run that cannot fit is seen at once.
std::string describe_sizes(const TrainingTask& task, const TrainConfig& options, const Collator& collator) {
  std::int64_t all = 0, trained = 0;
  for (const auto& parameter : task.model->parameters()) {
    all += parameter.numel();
    trained += parameter.requires_grad() ? parameter.numel() : 0;
  }
  constexpr double kMiB = 1024.0 * 1024.0;
  // float32 weights, and for the trained ones a gradient and two moments.
  const double state = double(4 * all + 12 * trained) / kMiB;
  return fmt::format(
      "{}: {:.2f} M parameters, {:.2f} M trained; {} training, {} validation, {} test clips; memory: {:.0f} MiB "
      "weights "
      "and optimiser, {:.1f} MiB a batch of {}, activations on top",
      task.name, double(all) / 1e6, double(trained) / 1e6, task.train.size(), task.valid.size(), task.test.size(),
      state, double(collator.batch_bytes(options.batch_size)) / kMiB, options.batch_size);
}

/// Trains one task into its run folder: state, epochs, checkpoints, predictions, metrics.
void run_task(const fs::path& out, const Plan& plan, RunConfig& config, Session& session, const Surroundings& around) {
  const auto& group = around.group;
  const auto device = device_of(group.own_device(config.device));
  plan.model->to(device);
  plan.model->leave_out_padding();
  const auto collator = session.collator(plan.target, plan.model->is_padding_invariant());
  auto notes = collator.notes();
  for (auto& note : plan.model->notes()) notes.push_back(std::move(note));
  if (plan.options.select == Selection::test)
    notes.emplace_back("select = \"test\": the epoch is chosen on the test split; no number of this run is a result");
  if (!group.is_alone()) notes.push_back(fmt::format("{} processes share the batches of a step", group.size()));
  for (const auto& note : notes) around.progress.line("note: " + note);
  group.first_does([&] { write_run_facts(out, config, session, around.inputs, notes, nullptr); });

  const auto& dataset = session.dataset();
  auto task = make_task(session, collator, plan.model);
  task.name = label_of(config, plan);
  const auto encoder = session.tokenizer() == nullptr ? std::string() : around.inputs.digest("encoder");
  task.identity =
      fmt::format("data {}; encoder {}; stage 1 {}; configuration {}", short_digest(dataset.fingerprint),
                  short_digest(encoder), short_digest(around.inputs.digest("pretrained")), options_digest(config));
  if (plan.fold) {
    task.train = without_fold(dataset, task.train, config.pretrain.folds, *plan.fold);
    task.identity += fmt::format("; without part {}", *plan.fold);
  }
  task.device = device;
  around.progress.line(describe_sizes(task, plan.options, collator));
  const auto seed = stream_seed(std::uint64_t(config.seed), plan.name);
  task.drop.seed = seed;
  if (plan.name != kMainTask) task.drop.rate = 0;  // a task of one modality would learn from clips that lack it
  const auto state = out / "state";
  const auto result =
      train(task, plan.options, seed, {state, out / "epochs.jsonl", &around.progress, &around.stop, group});

  group.first_does([&] { save(out / "last", plan, config, session, collator, result, Selection::last); });
  use_chosen_epoch(*plan.model, result);
  const auto predictions = predict_dataset(*plan.model, task.collate, dataset, rows_to_score(dataset, plan.target),
                                           {.batch_size = plan.options.scoring_batch_size(),
                                            .device = device,
                                            .task = task.name + " predictions",
                                            .progress = &around.progress,
                                            .stop = &around.stop,
                                            .group = group});
  group.first_does([&] {
    const auto calibration = calibrate(predictions);
    save(out / "model", plan, config, session, collator, result, plan.options.select, calibration);
    write_predictions(out / "predictions.csv", predictions);
    write_run_facts(out, config, session, around.inputs, notes, &result);
    const auto text_only = plan.text_only.empty() ? plan.text_only : out / plan.text_only;
    write_metrics(out, config, plan.name, session, result, predictions, calibration, text_only);  // last: finished now
    fs::remove_all(state);
  });
}

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

std::vector<std::string> pretrain_into(RunConfig& config, const fs::path& out, Session& target,
                                       const Surroundings& around, bool restart, const std::string& only = {}) {
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

void adopt_pretrained(const RunConfig& config, const fs::path& folder, const std::vector<PretrainTask>& tasks,
                      const Dataset& dataset, Model& model, Progress& progress) {
  for (const auto& task : tasks) {
    const auto path = folder / task.name / "model" / "model.safetensors";
    if (!fs::exists(path))
      throw CheckpointError(fmt::format("{}: no pretrained model of the task {}: {} is absent", folder.string(),
                                        task.name, path.string()),
                            "`kuda pretrain` makes such a folder; leave `pretrained` empty to do both in one run");
    if (!config.pretrained.empty() && !config.pretrain.any_recipe && task.modality != Modality::text)
      require_one_recipe("pretrained", path.parent_path().string(), recipe_of_checkpoint(path.parent_path()), dataset);
    for (const auto& name :
         find_model(config.model).adopt(model, *config.model_config, task, read_stage1(path, config)))
      progress.line(fmt::format("note: {}: {} starts fresh", task.name, name));
  }
}

/// A pretraining folder, given as itself or as the run that made it.
fs::path pretrained_folder(const RunConfig& config, const fs::path& out) {
  if (config.pretrained.empty()) return out / "pretrain";
  const fs::path given(config.pretrained);
  return fs::is_directory(given / "pretrain") ? given / "pretrain" : given;
}

}  // namespace

TrainingTask make_task(const Session& session, const Collator& collator, std::shared_ptr<Model> model) {
  const auto& dataset = session.dataset();
  const auto& target = collator.config().target;
  TrainingTask task;
  task.model = std::move(model);
  task.train = labelled(dataset, Split::train, target);
  task.valid = labelled(dataset, Split::valid, target);
  task.test = labelled(dataset, Split::test, target);
  task.collate = [&collator](const std::vector<std::int64_t>& rows) { return collator(rows); };
  task.family = dataset.family;
  task.drop.kind = collator.config().drop_as;
  task.drop.rate = collator.config().drop;
  if (task.drop.rate > 1 && task.drop.kind != CorruptionKind::noise)
    throw ConfigError(fmt::format("data.drop = {}: expected 0 to 1", task.drop.rate),
                      "with data.drop_as = \"noise\" it may be larger");
  if (session.tokenizer() != nullptr) task.drop.unknown_id = session.tokenizer()->unknown_id();
  return task;
}

std::vector<std::string> run_pretrain(RunConfig& config, const fs::path& out, Progress& progress,
                                      const std::atomic<bool>& stop, bool restart, const ProcessGroup& group,
                                      const std::string& only) {
  check_precisions(config, group);
  check_shares(config.pretrain, "pretrain", group);
  group.expect_same(config.to_toml(), "configuration");
  const auto place = only.empty() ? out : out / only;
  NewFolder folder(place);
  const auto lock = lock_folder(place, group);
  return folder.unless_refused(group, [&] {
    take_settings(config);
    Session session(config, config.data, config.collate);
    RunInputs inputs(config);
    inputs.know("data.path", session.dataset().fingerprint);
    return pretrain_into(config, out, session, {progress, stop, group, inputs}, restart, only);
  });
}

namespace {

bool train_into(RunConfig& config, const fs::path& out, const Surroundings& around, bool restart) {
  const auto& group = around.group;
  if (!restart && open_and_look(out, config, false, around)) {
    around.progress.line(out.string() + ": this run is finished");
    return false;
  }
  take_settings(config);
  Session session(config, config.data, config.collate);
  around.inputs.know("data.path", session.dataset().fingerprint);
  const auto& info = find_model(config.model);
  const auto tasks = info.pretrain_tasks
                         ? info.pretrain_tasks(*config.model_config, session.shape(), session.shape(), session.text())
                         : std::vector<PretrainTask>();
  const auto make_model = [&] {
    torch::manual_seed(stream_seed(std::uint64_t(config.seed), "init"));
    return info.make(*config.model_config, session.shape(), session.text());
  };
  const bool needs_stage1 = !tasks.empty() && config.pretrained.empty();
  if (needs_stage1) check_shares(config.pretrain, "pretrain", group);
  // What the model refuses should not be found out after stage 1, nor after the old run is gone.
  if (restart || (needs_stage1 && !is_finished(out / "pretrain" / tasks.back().name))) (void)make_model();
  if (restart) (void)open_and_look(out, config, true, around);
  if (needs_stage1) (void)pretrain_into(config, out / "pretrain", session, around, false);
  Plan plan{kMainTask, make_model(), session.shape(), {}, config.train};
  for (const auto& task : tasks)
    if (task.reads_text_alone()) plan.text_only = fs::path("pretrain") / task.name;
  const auto pretrained = pretrained_folder(config, out);
  adopt_pretrained(config, pretrained, tasks, session.dataset(), *plan.model, around.progress);
  for (const auto& task : tasks) take_held_out(pretrained / task.name, task.modality, session.dataset());
  run_task(out, plan, config, session, around);
  return true;
}

}  // namespace

bool run_training(RunConfig& config, const fs::path& out, Progress& progress, const std::atomic<bool>& stop,
                  bool restart, const ProcessGroup& group) {
  RunInputs inputs(config);
  const Surroundings around{progress, stop, group, inputs};
  if (restart || !is_finished(out)) check_precisions(config, group);
  check_shares(config.train, "train", group);
  group.expect_same(config.to_toml(), "configuration");
  NewFolder folder(out);
  const auto lock = lock_folder(out, group);
  return folder.unless_refused(group, [&] { return train_into(config, out, around, restart); });
}

}  // namespace kuda
