#include "kuda/checkpoint/train_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda {

namespace {

/// What is expected where this is no precision to train in; empty where it is.
std::string expected_precision(const std::string& name) {
  std::vector<std::string> known(kNamesOf<Precision>.begin(), kNamesOf<Precision>.end());
  std::erase(known, name_of(Precision::int8));
  if (std::find(known.begin(), known.end(), name) != known.end()) return "";
  const bool is_int8 = name == name_of(Precision::int8);
  return "one of " + join(known) + (is_int8 ? " (int8 is for scoring: rounded so, a weight would not move)" : "");
}

}  // namespace

void TrainConfig::describe_all_but_epochs(Fields& fields) {
  fields.add("batch_size", batch_size, "clips per batch", at_least(1));
  fields.add("lr", lr, "learning rate at its highest, after the warm-up", at_least(0));
  fields.add("weight_decay", weight_decay,
             "weight decay: decoupled with adamw, added to the gradient with adam and sgd", at_least(0));
  fields.add("betas", betas, "decay of the first and of the second moment", between(0, 1));
  fields.add("eps", eps, "added to the root of the second moment", at_least(0));
  fields.add("optimizer", optimizer,
             "adamw; adam; adamw_transformers = AdamW of the library pytorch_transformers, which adds eps to the "
             "root of the second moment before its bias is corrected; or sgd, whose momentum is the first of betas");
  fields.add("schedule", schedule,
             "learning rate by epoch: released = linear warm-up from 0, then cosine, as the published code (the first "
             "epoch trains at rate 0); shifted = the same without that idle epoch; constant; step = times decay every "
             "decay_every epochs; multi_step = times decay after the epochs of decay_at; plateau = times decay after "
             "patience + 1 epochs without a selection value below 0.9999 times the lowest (PyTorch's relative 1e-4); "
             "reload = then back to weights and moments of the best epoch, at decay times its rate; linear = by step, "
             "up from 0 over the "
             "warm-up, then down to 0 at the end");
  fields.add("patience", patience,
             "plateau, reload: epochs without a lower selection value that are borne (plateau: lower by 1e-4 of it)",
             at_least(0));
  fields.add("decay_every", decay_every, "step: epochs between two falls of the rate", at_least(1));
  fields.add("decay_at", decay_at,
             "multi_step: numbers of epochs after which the rate falls, [20, 40]; one that stands twice counts twice",
             at_least(1));
  fields.add("decay", decay, "step, multi_step, plateau, reload: factor of the rate", between(0, 1));
  fields.add("trials", trials, "reload: training ends when it would go back for this time", at_least(1));
  fields.add("warmup", warmup, "share of the epochs (linear: of the steps) that warm up", between(0, 1));
  fields.add(
      "select", select,
      "epoch that becomes the model: valid = lowest selection value of the validation split; last; test = lowest "
      "of the test split, a diagnostic that marks every number made with it");
  fields.add("select_by", select_by,
             "the selection value, for early_stop and the schedules too: mae; loss = the model's whole loss without "
             "dropout, mean over batches, as the published code of TMBL and BBFN; task_loss = the same of its first "
             "term, the error of the score, as MMSA");
  fields.add("early_stop", early_stop,
             "stop after this many epochs without a lower selection value of the validation split (of the test split "
             "with select = \"test\"); 0 = never",
             at_least(0));
  fields.add("clip_norm", clip_norm, "scale gradients down to this norm, all taken together; 0 = off", at_least(0));
  fields.add("clip_value", clip_value, "limit each element of a gradient to this absolute value; 0 = off", at_least(0));
  fields.add("clip_each_batch", clip_each_batch,
             "with accumulate: apply clip_value after every batch to the sum so far, as MMSA does, not once a step");
  fields.add("accumulate", accumulate,
             "batches whose gradients make one optimiser step: accumulate = 4 with batch_size = 8 steps as "
             "batch_size = 32 and needs the memory of 8",
             at_least(1));
  fields.add("accumulate_as", accumulate_as,
             "mean: the gradient of the mean over all clips of a step; sum: every batch counts in full, as MMSA does");
  fields.add(
      "leftover", leftover,
      "batches at the end of an epoch that do not fill a step: step = with what there is; drop = lost, as in MMSA");
  fields.add("eval_batch_size", eval_batch_size, "clips per batch when scoring; 0 = batch_size", at_least(0));
  fields.add(
      "precision", precision,
      std::string("what forward and backward compute in; weights, gradients and moments are float32 in each, and "
                  "so are checkpoints and the scores of the finished run. ") +
          kPrecisionHelp,
      [](const FieldTarget& target) { return expected_precision(*std::get<std::string*>(target)); });
  fields.add("save_every", save_every, "epochs between saved states; a killed run continues from the last one",
             at_least(1), Effect::none);
  fields.add("save_seconds", save_seconds,
             "save also within an epoch when this many seconds have passed; 0 = only at the end of epochs", at_least(0),
             Effect::none);
}

void TrainConfig::describe(Fields& fields) {
  fields.add("epochs", epochs, "passes over the training split", at_least(1));
  describe_all_but_epochs(fields);
}

void TrainConfig::check(const std::string& section) const {
  if (betas.size() != 2)
    throw ConfigError(fmt::format("{}.betas: expected two numbers, found {}", section, betas.size()),
                      "the usual value is [0.9, 0.999]");
  for (const auto beta : betas)
    if (beta >= 1) throw ConfigError(fmt::format("{}.betas: expected numbers below 1, found {}", section, beta));
  if (schedule == Schedule::multi_step && decay_at.empty())
    throw ConfigError(
        fmt::format("{}.decay_at: schedule = \"multi_step\" needs at least one epoch", section),
        fmt::format("{}.decay_at = [20, 40] lowers the rate after 20 epochs and again after 40", section));
  if (const auto expected = expected_precision(name_of(precision)); !expected.empty())
    throw ConfigError(fmt::format("{}.precision: expected {}, found \"{}\"", section, expected, name_of(precision)));
}

PretrainConfig::PretrainConfig() {
  epochs = 0;
  lr = 1e-4;
  weight_decay = 1e-3;
}

void PretrainConfig::describe(Fields& fields) {
  fields.add("epochs", epochs, "passes over the training split for every task; 0 = the three numbers below",
             at_least(0));
  fields.add("epochs_text", epochs_text, "passes of the text task, with epochs = 0", at_least(1));
  fields.add("epochs_vision", epochs_vision, "passes of the vision task, with epochs = 0", at_least(1));
  fields.add("epochs_audio", epochs_audio, "passes of the audio task, with epochs = 0", at_least(1));
  fields.add(
      "labels", labels,
      "what the tasks learn: unimodal = the label of their modality; multimodal = the clip's one label, for data "
      "sets without unimodal labels");
  fields.add(
      "folds", folds,
      "parts of the training videos that are held out in turn: each task is first trained without a part, once "
      "for every part, so that a score is known that did not see the clip (kuda.trust_target); 1 = none; 0 = each "
      "task is first trained whole, and its distances on training clips count as much larger as those on "
      "validation clips are",
      at_least(0));
  fields.add("any_recipe", any_recipe,
             "whether the data of stage 1 may be made from video by another recipe than those of the main task", {},
             Effect::none);
  describe_all_but_epochs(fields);
}

TrainConfig PretrainConfig::for_task(Modality modality) const {
  TrainConfig config = *this;
  const std::array own{epochs_text, epochs_vision, epochs_audio};
  if (epochs == 0) config.epochs = own[static_cast<std::size_t>(modality)];
  return config;
}

}  // namespace kuda
