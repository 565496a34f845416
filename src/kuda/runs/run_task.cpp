#include "kuda/runs/run_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/runs/held_out.h"
#include "kuda/tensor/device.h"

namespace kuda {

namespace fs = std::filesystem;

std::vector<std::int64_t> labelled(const Dataset& dataset, Split split, Target target) {
  auto rows = dataset.rows(split);
  std::erase_if(rows, [&](std::int64_t row) {
    const auto& clip = dataset.clips[std::size_t(row)];
    return std::isnan(target ? clip.unimodal_labels[*target] : clip.label);
  });
  return rows;
}

std::unique_ptr<FolderLock> lock_folder(const fs::path& folder, const ProcessGroup& group) {
  std::unique_ptr<FolderLock> lock;
  group.first_does([&] { lock = std::make_unique<FolderLock>(folder); });
  return lock;
}

bool open_and_look(const fs::path& folder, RunConfig& config, bool restart, const Surroundings& around) {
  around.group.first_does([&] {
    open_run_folder(folder, config, around.inputs, restart);
    if (is_finished(folder)) fs::remove_all(folder / "state");  // a kill right after the end leaves it
  });
  return around.group.first_says(is_finished(folder));
}

namespace {

/// Clips to score at the end: all; for a unimodal target those that have it, because only they can be batched.
std::vector<std::int64_t> rows_to_score(const Dataset& dataset, Target target) {
  std::vector<std::int64_t> rows;
  for (const auto split : kSplits) {
    const auto part = target ? labelled(dataset, split, target) : dataset.rows(split);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

/// Epochs of a warm-up from 0 leave the weights as they were; empty where the chosen epoch is none of them.
std::string note_of_idle_epochs(const TrainingResult& result, const std::string& section) {
  const auto last = std::min<std::size_t>(std::size_t(result.chosen_epoch), result.history.size());
  const auto trained = std::any_of(result.history.begin(), result.history.begin() + std::ptrdiff_t(last),
                                   [](const EpochRecord& epoch) { return epoch.lr > 0; });
  if (trained || last == 0) return "";
  return fmt::format(
      "nothing was learned: epoch {} is chosen, and up to it the learning rate is 0 ({}.schedule = \"released\" begins "
      "with such an epoch): train longer, or set {}.schedule = \"shifted\"",
      last, section, section);
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
  const auto [scores, labels] = labelled_scores(predictions, Split::valid);
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

}  // namespace

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

  if (auto note = note_of_idle_epochs(result, plan.name == kMainTask ? "train" : "pretrain"); !note.empty()) {
    around.progress.line("note: " + note);
    notes.push_back(std::move(note));
  }
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

}  // namespace kuda
