// Golden cases of CubeMLP: forward, the four losses, gradients, a clipped step, a trajectory with two groups.

#include <fmt/format.h>

#include <sstream>

#include "kuda/checkpoint/schedule.h"
#include "kuda/models/cubemlp/cubemlp.h"
#include "system_case.h"

namespace kuda::golden {

void check_cubemlp(const GoldenCase& golden, GoldenReport& report);

using torch::Tensor;

namespace {

cubemlp::CubeMlpConfig cubemlp_config_of(const nlohmann::json& facts) {
  cubemlp::CubeMlpConfig config;
  config.width = facts.at("d_common");
  config.time_length = facts.at("time_len");
  const auto named = [&](const char* key) { return facts.at(key).get<std::string>(); };
  config.encoder = value_of<cubemlp::CubeMlpConfig::Encoder>(named("encoders"));
  const auto sizes = [&](const char* key, std::size_t axis) {
    std::vector<std::int64_t> list;
    for (const auto& block : facts.at(key)) list.push_back(block.at(axis));
    return list;
  };
  config.hidden_time = sizes("d_hiddens", 0);
  config.hidden_modality = sizes("d_hiddens", 1);
  config.hidden_channel = sizes("d_hiddens", 2);
  config.out_time = sizes("d_outs", 0);
  config.out_modality = sizes("d_outs", 1);
  config.out_channel = sizes("d_outs", 2);
  config.residual_projection.clear();
  for (const bool is_projected : facts.at("res_project")) config.residual_projection.push_back(is_projected ? 1 : 0);
  config.activation = value_of<Activation>(named("activate"));
  config.norm_first = facts.at("ln_first");
  config.bias = facts.at("bias");
  config.compose_time = value_of<cubemlp::CubeMlpConfig::Compose>(named("features_compose_t"));
  config.compose_modality = value_of<cubemlp::CubeMlpConfig::Compose>(named("features_compose_k"));
  config.dropout = {0, 0, 0, 0};
  config.dropout_mlp = {0, 0, 0};
  config.dropout_text = 0;
  config.loss = value_of<cubemlp::CubeMlpConfig::Loss>(lower(facts.at("loss")));
  const double scale = facts.at("bert_lr_rate");
  config.bert_lr_scale = scale > 0 ? scale : 1;  // one group: the same rate
  const auto& frozen = facts.at("bert_freeze");  // "no", "part", "all"
  config.frozen_layers = frozen == "part" ? 9 : frozen == "all" ? -1 : 0;
  config.align = cubemlp::CubeMlpConfig::Align::centre;
  return config;
}

TrainConfig cubemlp_training_of(const nlohmann::json& facts) {
  TrainConfig train;
  train.optimizer = value_of<OptimizerKind>(lower(facts.value("optm", "Adam")));
  train.lr = facts.at("learning_rate");
  train.weight_decay = facts.at("weight_decay");
  train.clip_value = std::max(0.0, facts.at("gradient_clip").get<double>());
  train.decay = facts.at("lr_decrease_rate");
  std::istringstream list(facts.at("lr_decrease_iter").get<std::string>());  // "60", of multi_step "20-40"
  for (std::string number; std::getline(list, number, '-');) train.decay_at.push_back(std::stoll(number));
  train.decay_every = train.patience = train.decay_at.at(0);
  const auto schedule = facts.at("lr_decrease").get<std::string>();
  train.schedule = schedule == "exp" ? Schedule::step : value_of<Schedule>(schedule);
  if (schedule == "exp") train.decay_every = 1;
  return train;
}

/// Lengths are those of the text; the reference does not read the word counts.
Batch cubemlp_batch(const GoldenCase& golden, GoldenReport& report, const std::string& prefix) {
  report.used(prefix + "word_lengths");
  return system_batch(golden, report, prefix);
}

cubemlp::CubeMlp cubemlp_of(const GoldenCase& golden) {
  const auto& facts = golden.config().at("opt");
  DataShape shape;
  shape.width.vision = facts.at("d_v");
  shape.width.audio = facts.at("d_a");
  return cubemlp::CubeMlp(cubemlp_config_of(facts), shape, bert_of(golden.config()));
}

/// With the norm last, layer norms over three to five nearly equal values come after every residual sum: a difference
/// of 7e-7 in BERT's output (sums in another order) becomes 1e-5 to 5e-5 in float32 gradients, and in the case
/// "lstm_mean" rnn_a.weight_ih_l0_reverse is 1.2e-5 off, where 1e-5 is allowed. The stored values are within their
/// tolerance of a float64 run, so ours is what is compared here. The step below is still that of the float32 gradients.
void compare_float64_gradients(const GoldenCase& golden, GoldenReport& report) {
  auto model = cubemlp_of(golden);
  load_weights(model, golden, report);
  model.to(torch::kFloat64);
  auto batch = system_batch(golden, report);
  batch.vision.values = batch.vision.values.to(torch::kFloat64);
  batch.audio.values = batch.audio.values.to(torch::kFloat64);
  batch.label = batch.label.to(torch::kFloat64);
  model.loss(model.forward(batch, nullptr), batch).total.backward();
  compare_gradients(report, golden, model);
}

void check_cubemlp_case(const GoldenCase& golden, GoldenReport& report, cubemlp::CubeMlp& model) {
  const auto& facts = golden.config().at("opt");
  const auto batch = cubemlp_batch(golden, report, "in/");
  model.eval();
  Trace trace;
  const auto output = model.forward(batch, &trace);
  report.compare("out/pred", output.score);
  for (const std::string kind : {"mae", "mse", "rmse", "simse"})
    report.compare("out/loss_" + kind,
                   cubemlp::score_error(value_of<cubemlp::CubeMlpConfig::Loss>(kind), output.score, batch.label));
  report.compare("out/features", trace.at("features"));
  for (const auto& [name, value] : trace.all())
    if (name != "features" && !name.starts_with("mean/"))  // the means are ours (ModelInfo::features)
      report.compare("out/hidden/" + name, value);

  model.train();
  const auto losses = model.loss(model.forward(batch, nullptr), batch);
  report.compare("out/train/loss", losses.total);
  losses.total.backward();
  if (!facts.at("ln_first").get<bool>())
    compare_float64_gradients(golden, report);
  else
    compare_gradients(report, golden, model);
  Optimizer(model, cubemlp_training_of(facts)).step();
  compare_state(golden, report, model, "step/");
}

void check_cubemlp_trajectory(const GoldenCase& golden, GoldenReport& report, cubemlp::CubeMlp& model) {
  const auto& facts = golden.config();
  const auto train = cubemlp_training_of(facts.at("opt"));
  const auto batches = [&](const std::string& split) {
    std::vector<Batch> list;
    for (std::size_t i = 0; i < facts.at("traj").at(split).size(); ++i)
      list.push_back(cubemlp_batch(golden, report, fmt::format("in/{}{}/", split, i)));
    return list;
  };
  const auto training = batches("train"), valid = batches("valid"), test = batches("test");
  const double text_scale = facts.at("opt").at("bert_lr_rate");
  Optimizer optimizer(model, train);
  std::vector<double> values;
  std::vector<Tensor> rates, losses, valid_losses, predictions;
  for (std::int64_t epoch = 0; epoch < facts.at("epochs").get<std::int64_t>(); ++epoch) {
    const double rate = learning_rate(train, values);
    rates.push_back(text_scale > 0 ? torch::tensor({rate * text_scale, rate}) : torch::tensor({rate}));
    optimizer.set_rate(rate);
    model.train();
    for (const auto& batch : training) {
      const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
      loss.backward();
      optimizer.step();
      losses.push_back(loss.detach());
    }
    model.eval();
    const torch::NoGradGuard no_grad;
    std::vector<Tensor> parts;
    for (const auto& batch : valid) parts.push_back(model.loss(model.forward(batch, nullptr), batch).total);
    valid_losses.push_back(torch::stack(parts).mean());
    std::vector<Tensor> scores, test_losses;
    for (const auto& batch : test) {
      const auto output = model.forward(batch, nullptr);
      scores.push_back(output.score);
      test_losses.push_back(model.loss(output, batch).total);
    }
    predictions.push_back(torch::cat(scores));
    values.push_back(torch::stack(test_losses).mean().item<double>());  // the published plateau looks at the test split
    compare_state(golden, report, model, fmt::format("state/epoch{}/", epoch + 1));
  }
  report.compare("out/lr", torch::stack(rates));
  report.compare("out/loss_steps", torch::stack(losses).view({-1, static_cast<std::int64_t>(training.size())}));
  report.compare("out/valid_loss", torch::stack(valid_losses));
  report.compare("out/test_pred", torch::stack(predictions));
}

}  // namespace

void check_cubemlp(const GoldenCase& golden, GoldenReport& report) {
  auto model = cubemlp_of(golden);
  load_weights(model, golden, report);
  if (golden.config().contains("traj"))
    check_cubemlp_trajectory(golden, report, model);
  else
    check_cubemlp_case(golden, report, model);
}

}  // namespace kuda::golden
