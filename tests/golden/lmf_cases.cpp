// LMF against thuiar/MMSA: forward, gradients, one step, a trajectory.

#include "kuda/models/lmf/lmf.h"
#include "toolbox_case.h"

namespace kuda::golden {

void check_lmf(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  LmfConfig config;
  const auto hidden = facts.at("hidden_dims").get<std::vector<std::int64_t>>();  // text, audio, vision
  config.text_hidden = hidden.at(0);
  config.audio_hidden = hidden.at(1);
  config.vision_hidden = hidden.at(2);
  config.rank = facts.at("rank");
  config.factor_lr = facts.at("factor_lr");
  config.dropout_text = config.dropout_vision = config.dropout_audio = 0;
  const bool is_classification = facts.at("train_mode") == "classification";
  if (is_classification) config.outputs = facts.at("num_classes");
  Lmf model(config, toolbox_shape(facts), TextEncoder());
  load_weights(model, golden, report);
  const auto training = toolbox_training(facts, true);
  if (golden.metadata("kind") == "trajectory") {
    for (const auto& key : golden.keys("in/"))  // compared in the other cases
      if (key.ends_with("_mean")) report.used(key);
    return compare_trajectory(model, golden, report, training);
  }

  const auto batch = system_batch(golden, report);
  Trace eval, train;
  model.eval();
  (void)model.forward(batch, &eval);
  compare_trace(golden, report, eval, "out/");
  report.compare("in/audio_mean", eval.at("audio_mean"));
  report.compare("in/vision_mean", eval.at("vision_mean"));
  model.train();
  const auto output = model.forward(batch, &train);
  compare_trace(golden, report, train, "out/train/");
  // Classification is not part of the program (LmfConfig::outputs): its loss is written here.
  const auto loss = is_classification
                        ? torch::nn::functional::cross_entropy(train.at("M"), batch.label.to(torch::kInt64))
                        : model.loss(output, batch).total;
  report.compare("out/loss", loss);
  loss.backward();
  compare_step(model, golden, report, training);
}

}  // namespace kuda::golden
