#include "kuda/training/procedure.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/io/safetensors.h"
#include "kuda/training/run_folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

torch::Device device_of(const RunConfig& config) {
  if (config.device == "cpu") return torch::kCPU;
  if (config.device != "cuda") throw ConfigError("device: expected cpu or cuda, found '" + config.device + "'");
  if (!torch::cuda::is_available()) throw ConfigError("device: cuda is not available here");
  return torch::kCUDA;
}

/// Rows of a split whose clips have the label that the task learns.
std::vector<std::int64_t> labelled(const Dataset& dataset, Split split, const std::string& target) {
  auto rows = dataset.rows(split);
  std::erase_if(rows, [&](std::int64_t row) {
    const auto& clip = dataset.clips[static_cast<std::size_t>(row)];
    return std::isnan(target == "multimodal" ? clip.label
                                             : clip.unimodal_labels[static_cast<std::size_t>(modality_from(target))]);
  });
  return rows;
}

std::vector<std::int64_t> all_rows(const Dataset& dataset, const std::string& target) {
  std::vector<std::int64_t> rows;
  for (const auto split : kSplits) {
    // Clips without the common label are scored too; a unimodal target can only be collated where it is known.
    const auto part = target == "multimodal" ? dataset.rows(split) : labelled(dataset, split, target);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

/// Trains one task into its run folder: state, epochs, predictions, checkpoints, metrics.
void run_task(const fs::path& out, RunConfig& config, const Session& session, const std::string& task_name,
              const std::shared_ptr<Model>& model, const DataShape& shape, const std::string& target,
              const TrainConfig& train_config, Progress& progress, const std::atomic<bool>& stop) {
  const auto device = device_of(config);
  model->to(device);
  const auto collator = session.collator(config.collate, target, model->is_padding_invariant());
  auto notes = collator.notes();
  for (auto& note : model->notes()) notes.push_back(std::move(note));
  for (const auto& note : notes) progress.line("note: " + note);
  write_run_facts(out, config, session, notes);

  TrainingTask task;
  const auto& dataset = session.dataset();
  const bool is_main = task_name == kMainTask;
  task.name = is_main ? config.model : config.model + " stage 1 " + task_name;
  task.identity = dataset.fingerprint + " " + config.to_toml();
  task.model = model;
  task.train = labelled(dataset, Split::train, target);
  task.valid = labelled(dataset, Split::valid, target);
  task.test = labelled(dataset, Split::test, target);
  task.collate = [&collator](const std::vector<std::int64_t>& rows) { return collator(rows); };
  task.family = dataset.family;
  task.device = device;
  const auto seed = stream_seed(static_cast<std::uint64_t>(config.seed), task_name);
  const auto state = out / "state";
  const auto result = train(task, train_config, seed,
                            {.state = state, .epochs = out / "epochs.jsonl", .progress = &progress, .stop = &stop});

  const auto facts = session.facts(task_name, shape);
  save_checkpoint(out / "last", *model, config, facts, session.tokenizer(), collator.normaliser());
  use_chosen_epoch(*model, result);
  save_checkpoint(out / "model", *model, config, facts, session.tokenizer(), collator.normaliser());
  PredictOptions options;
  options.batch_size = train_config.scoring_batch_size();
  options.device = device;
  options.task = task.name + " predictions";
  options.progress = &progress;
  const auto predictions = predict_dataset(*model, task.collate, dataset, all_rows(dataset, target), options);
  write_predictions(out / "predictions.csv", predictions);
  write_metrics(out, config, session, result, predictions, train_config.select);  // last: the run is finished now
  fs::remove_all(state);
}

std::string target_of(const RunConfig& config, const Session& session, Modality modality) {
  if (config.pretrain.labels == "multimodal") return "multimodal";
  if (!session.dataset().has_unimodal_labels(modality))
    throw ConfigError(fmt::format("{}: stage 1 of {} needs the label_{} of every training clip, and the data have none",
                                  session.dataset().source, modality_name(modality), letter(modality)),
                      "set pretrain.labels=\"multimodal\", or name a data set with them in pretrain.data");
  return std::string(1, letter(modality));
}

void pretrain_into(RunConfig& config, const fs::path& out, const Session& target, Progress& progress,
                   const std::atomic<bool>& stop) {
  const auto& info = find_model(config.model);
  if (!info.pretrain_tasks) return;
  std::unique_ptr<Session> other;
  if (!config.pretrain_data.empty()) other = std::make_unique<Session>(config, config.pretrain_data);
  const Session& source = other ? *other : target;
  for (const auto& task : info.pretrain_tasks(*config.model_config, target.shape(), source.shape(), target.text())) {
    const auto folder = out / task.name;
    open_run_folder(folder, config);
    if (is_finished(folder)) continue;
    torch::manual_seed(stream_seed(static_cast<std::uint64_t>(config.seed), "init " + task.name));
    run_task(folder, config, source, task.name, task.make(), task.shape, target_of(config, source, task.modality),
             config.pretrain.for_task(task.name), progress, stop);
  }
}

void adopt_stage1(RunConfig& config, const fs::path& folder, const Session& session, Model& model, Progress& progress) {
  const auto& info = find_model(config.model);
  for (const auto& task : info.pretrain_tasks(*config.model_config, session.shape(), session.shape(), session.text())) {
    const auto path = folder / task.name / "model" / "model.safetensors";
    if (!fs::exists(path))
      throw CheckpointError(fmt::format("{}: no stage 1 of {} here", folder.string(), task.name),
                            "run `kuda pretrain` first, or leave `pretrained` empty");
    for (const auto& name : info.adopt(model, *config.model_config, task, io::read_safetensors(path)))
      progress.line(fmt::format("note: {}: {} starts fresh", task.name, name));
  }
}

}  // namespace

bool is_finished(const fs::path& out) { return fs::exists(out / "metrics.json"); }

std::vector<std::string> run_pretrain(RunConfig& config, const fs::path& out, Progress& progress,
                                      const std::atomic<bool>& stop) {
  if (config.threads > 0) torch::set_num_threads(static_cast<int>(config.threads));
  const Session session(config, config.data);
  pretrain_into(config, out, session, progress, stop);
  std::vector<std::string> names;
  for (const auto modality : kModalities)
    if (is_finished(out / modality_name(modality))) names.emplace_back(modality_name(modality));
  return names;
}

void run_training(RunConfig& config, const fs::path& out, Progress& progress, const std::atomic<bool>& stop) {
  if (config.threads > 0) torch::set_num_threads(static_cast<int>(config.threads));
  open_run_folder(out, config);
  if (is_finished(out)) {
    progress.line(out.string() + ": this run is finished");
    return;
  }
  const Session session(config, config.data);
  const auto& info = find_model(config.model);
  const bool has_stage1 =
      info.pretrain_tasks &&
      !info.pretrain_tasks(*config.model_config, session.shape(), session.shape(), session.text()).empty();
  if (has_stage1 && config.pretrained.empty()) pretrain_into(config, out / "pretrain", session, progress, stop);
  torch::manual_seed(stream_seed(static_cast<std::uint64_t>(config.seed), "init"));
  const auto model = info.make(*config.model_config, session.shape(), session.text());
  if (has_stage1)
    adopt_stage1(config, config.pretrained.empty() ? out / "pretrain" : fs::path(config.pretrained), session, *model,
                 progress);
  run_task(out, config, session, kMainTask, model, session.shape(), "multimodal", config.train, progress, stop);
}

}  // namespace kuda
