// Golden cases of ALMT: forward, gradients, a step, the published schedule and a trajectory.

#include <fmt/format.h>

#include "kuda/checkpoint/schedule.h"
#include "kuda/models/almt/almt.h"
#include "system_case.h"

namespace kuda::golden {

void check_almt(const GoldenCase& golden, GoldenReport& report);

using torch::Tensor;

namespace {

almt::AlmtConfig almt_config_of(const GoldenCase& golden) {
  const auto& facts = golden.config().at("model");
  almt::AlmtConfig config;
  config.width = facts.at("token_dim");
  config.tokens = facts.at("token_length");
  config.kept_tokens = facts.at("token_len");
  config.projection_depth = facts.at("proj_depth");
  config.projection_heads = facts.at("proj_heads");
  config.projection_mlp = facts.at("proj_mlp_dim");
  config.text_heads = facts.at("l_enc_heads");
  config.text_mlp = facts.at("l_enc_mlp_dim");
  config.hyper_depth = facts.at("AHL_depth");
  config.hyper_heads = facts.at("ahl_heads");
  config.hyper_head_width = facts.at("ahl_dim_head");
  config.fusion_depth = facts.at("fusion_layer_depth");
  config.fusion_heads = facts.at("fusion_heads");
  config.fusion_mlp = facts.at("fusion_mlp_dim");
  config.dropout_text = 0;
  return config;
}

DataShape almt_shape_of(const GoldenCase& golden) {
  const auto& facts = golden.config().at("model");
  DataShape shape;
  shape.length.text = facts.at("l_input_length");
  shape.length.vision = facts.at("v_input_length");
  shape.width.vision = facts.at("v_input_dim");
  shape.length.audio = facts.at("a_input_length");
  shape.width.audio = facts.at("a_input_dim");
  return shape;
}

TrainConfig almt_training_of(const GoldenCase& golden) {
  TrainConfig train;
  train.optimizer = OptimizerKind::adamw;
  train.lr = golden.config().at("lr");
  train.weight_decay = golden.config().at("weight_decay");
  return train;
}

void check_almt_case(const GoldenCase& golden, GoldenReport& report, almt::Almt& model, const Batch& batch) {
  model.eval();
  Trace trace;
  const auto output = model.forward(batch, &trace);
  report.compare("out/M", output.score);
  report.compare("out/loss", model.loss(output, batch).total);
  report.compare("out/feat", trace.at("feat"));
  for (const auto& [name, value] : trace.all())
    if (name != "feat" && !name.starts_with("mean/"))  // the means are ours (ModelInfo::features)
      report.compare("out/hidden/" + name, value);

  model.train();
  const auto losses = model.loss(model.forward(batch, nullptr), batch);  // the shortened last block
  report.compare("out/train/loss", losses.total);
  losses.total.backward();
  compare_gradients(report, golden, model);
  Optimizer(model, almt_training_of(golden)).step();
  compare_state(golden, report, model, "step/");
}

void check_almt_trajectory(const GoldenCase& golden, GoldenReport& report, almt::Almt& model, const Batch& data) {
  for (const auto& key : golden.keys("out/lr_table_")) {  // out/lr_table_EPOCHS
    const auto epochs = std::stoll(key.substr(key.rfind('_') + 1));
    std::vector<double> rates;
    for (std::int64_t epoch = 0; epoch < epochs; ++epoch)
      rates.push_back(learning_rate(Schedule::released, 1, epoch, epochs));
    report.compare(key, torch::tensor(rates));
  }
  auto train = almt_training_of(golden);
  train.schedule = Schedule::released;
  train.epochs = golden.config().at("n_epochs");
  Optimizer optimizer(model, train);
  const auto order = golden.tensor("in/order");  // [epochs, steps, B]
  report.used("in/order");
  std::vector<double> rates, values;
  std::vector<std::vector<Tensor>> losses;
  std::vector<Tensor> predictions;
  for (std::int64_t epoch = 0; epoch < order.size(0); ++epoch) {
    rates.push_back(learning_rate(train, values));
    optimizer.set_rate(rates.back());
    model.train();
    losses.emplace_back();
    for (const auto& positions : steps_of(order[epoch])) {
      const auto batch = rows_of(data, positions);
      const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
      loss.backward();
      optimizer.step();
      losses.back().push_back(loss.detach());
    }
    model.eval();
    const torch::NoGradGuard no_grad;
    predictions.push_back(model.forward(data, nullptr).score);
    values.push_back(0);
    const auto prefix = fmt::format("state/epoch{}/", epoch + 1);
    if (!golden.keys(prefix).empty()) compare_state(golden, report, model, prefix);
  }
  report.compare("out/lr", torch::tensor(rates));
  report.compare_steps("out/loss_steps", losses);
  report.compare("out/pred_after_epoch", torch::stack(predictions));
}

}  // namespace

void check_almt(const GoldenCase& golden, GoldenReport& report) {
  almt::Almt model(almt_config_of(golden), almt_shape_of(golden), bert_of(golden.config()));
  load_weights(model, golden, report);
  const auto batch = system_batch(golden, report);
  report.used("in/text_lengths");  // what the attention mask of in/text says already
  if (golden.has("in/order"))
    check_almt_trajectory(golden, report, model, batch);
  else
    check_almt_case(golden, report, model, batch);
}

}  // namespace kuda::golden
