#include "kuda/training/train_config.h"

#include <fmt/format.h>

#include "kuda/base/error.h"

namespace kuda {

void TrainConfig::describe_all_but_epochs(Fields& fields) {
  fields.add("batch_size", batch_size, "clips per batch", at_least(1));
  fields.add("lr", lr, "learning rate of AdamW at its highest, after the warm-up", at_least(0));
  fields.add("weight_decay", weight_decay, "decoupled weight decay of AdamW", at_least(0));
  fields.add("betas", betas, "AdamW: decay of the first and of the second moment", between(0, 1));
  fields.add("eps", eps, "AdamW: added to the root of the second moment", at_least(0));
  fields.add("schedule", schedule,
             "learning rate by epoch: released = linear warm-up from 0, then cosine, as the published code (the first "
             "epoch trains at rate 0); shifted = the same without that idle epoch; constant",
             one_of({"released", "shifted", "constant"}));
  fields.add("warmup", warmup, "share of the epochs that warm up", between(0, 1));
  fields.add("select", select,
             "epoch that becomes the model: valid = lowest validation MAE; last; test = lowest test MAE, a diagnostic "
             "that marks every number made with it",
             one_of({"valid", "last", "test"}));
  fields.add("early_stop", early_stop,
             "stop after this many epochs without a lower validation MAE (test MAE with select = \"test\"); 0 = never",
             at_least(0));
  fields.add("clip_norm", clip_norm, "scale gradients down to this norm, all taken together; 0 = off", at_least(0));
  fields.add("clip_value", clip_value, "limit each element of a gradient to this absolute value; 0 = off", at_least(0));
  fields.add("accumulate", accumulate,
             "batches whose gradients make one optimiser step: accumulate = 4 with batch_size = 8 steps as "
             "batch_size = 32 and needs the memory of 8",
             at_least(1));
  fields.add("eval_batch_size", eval_batch_size, "clips per batch when scoring; 0 = batch_size", at_least(0));
  fields.add("save_every", save_every, "epochs between saved states; a killed run continues from the last one",
             at_least(1));
  fields.add("save_seconds", save_seconds,
             "save also within an epoch when this many seconds have passed; 0 = only at the end of epochs",
             at_least(0));
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
      "sets without unimodal labels",
      one_of({"unimodal", "multimodal"}));
  describe_all_but_epochs(fields);
}

TrainConfig PretrainConfig::for_task(const std::string& name) const {
  TrainConfig config = *this;
  if (epochs == 0) config.epochs = name == "text" ? epochs_text : name == "vision" ? epochs_vision : epochs_audio;
  return config;
}

}  // namespace kuda
