#include "toolbox_case.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/checkpoint/schedule.h"

namespace kuda::golden {

using torch::Tensor;

DataShape toolbox_shape(const nlohmann::json& facts) {
  DataShape shape;
  const auto widths = facts.at("feature_dims").get<std::vector<std::int64_t>>();
  const auto lengths = facts.at("seq_lens").get<std::vector<std::int64_t>>();
  shape.width.text = facts.contains("bert") ? 0 : widths.at(0);
  shape.width.audio = widths.at(1);
  shape.width.vision = widths.at(2);
  shape.length.text = lengths.at(0);
  shape.length.audio = lengths.at(1);
  shape.length.vision = lengths.at(2);
  return shape;
}

TrainConfig toolbox_training(const nlohmann::json& facts, bool has_weight_decay) {
  TrainConfig config;
  config.optimizer = OptimizerKind::adam;
  config.lr = facts.at("learning_rate");
  config.weight_decay = has_weight_decay ? facts.at("weight_decay").get<double>() : 0;
  config.clip_value = facts.value("grad_clip", 0.0);
  config.accumulate = facts.value("update_epochs", 1);
  config.accumulate_as = Accumulation::sum;
  config.clip_each_batch = true;
  config.leftover = Leftover::drop;
  config.schedule = facts.contains("patience") ? Schedule::plateau : Schedule::constant;
  config.patience = facts.value("patience", 0);
  config.decay = 0.1;
  return config;
}

void compare_trace(const GoldenCase& golden, GoldenReport& report, const Trace& trace, const std::string& prefix) {
  for (const auto& [name, value] : trace.all())
    if (golden.has(prefix + name)) report.compare(prefix + name, value);
}

void compare_step(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config) {
  compare_gradients(report, golden, model);
  Optimizer optimizer(model, config);
  optimizer.clip_values();
  // The optimiser clips norms inside its step; doing it before changes nothing there and shows the result.
  if (config.clip_norm > 0) torch::nn::utils::clip_grad_norm_(model.parameters(), config.clip_norm);
  for (const auto& item : model.named_parameters())
    if (golden.has("clip/" + item.key())) report.compare("clip/" + item.key(), item.value().grad());
  optimizer.step();
  compare_state(golden, report, model, "step/", largest_move(config.lr));
}

void compare_trajectory(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config) {
  std::vector<Batch> train, valid;
  for (int i = 0; golden.has(fmt::format("in/train{}/labels", i)); ++i)
    train.push_back(system_batch(golden, report, fmt::format("in/train{}/", i)));
  for (int i = 0; golden.has(fmt::format("in/valid{}/labels", i)); ++i)
    valid.push_back(system_batch(golden, report, fmt::format("in/valid{}/", i)));
  const auto epochs = golden.tensor("out/valid_loss").size(0);

  Optimizer optimizer(model, config);
  std::vector<Tensor> rates, step_losses, valid_losses, predictions;
  std::vector<double> rounded;
  const auto keep_rates = [&](double lr) {
    std::vector<double> row;
    for (const auto& group : model.parameter_groups())
      row.push_back((group.lr < 0 ? config.lr * group.lr_scale : group.lr) * lr / config.lr);
    rates.push_back(torch::tensor(row, torch::kFloat64));
  };
  double best = 1e8;
  std::int64_t best_epoch = 0;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const auto lr = learning_rate(config, rounded);
    keep_rates(lr);
    optimizer.set_rate(lr);
    optimizer.clear_gradients();  // what an incomplete step of the last epoch left
    model.train();
    model.begin_epoch(epoch, epochs);
    std::int64_t batches = 0;
    for (const auto& batch : train) {
      const auto losses = model.loss(model.forward(batch, nullptr), batch);
      step_losses.push_back(losses.total.detach());
      losses.total.backward();
      if (config.clip_each_batch) optimizer.clip_values();
      if (++batches % config.accumulate == 0) optimizer.step();
    }
    const torch::NoGradGuard no_grad;
    model.eval();
    double sum = 0;
    std::vector<Tensor> scores;
    for (const auto& batch : valid) {
      const auto output = model.forward(batch, nullptr);
      scores.push_back(output.score);
      sum += model.loss(output, batch).terms.front().second.item<double>();  // the task's
    }
    predictions.push_back(torch::cat(scores));
    valid_losses.push_back(torch::tensor(sum / double(valid.size())));
    rounded.push_back(std::round(1e4 * sum / double(valid.size())) / 1e4);
    if (rounded.back() <= best - 1e-6) {
      best = rounded.back();
      best_epoch = epoch + 1;
    }
    compare_state(golden, report, model, fmt::format("state/epoch{}/", epoch + 1),
                  largest_move(config.lr, std::int64_t(step_losses.size())));
  }
  keep_rates(learning_rate(config, rounded));
  report.compare("out/lr", torch::stack(rates));
  report.compare("out/step_loss", torch::stack(step_losses).view({epochs, -1}));
  report.compare("out/valid_loss", torch::stack(valid_losses));
  report.compare("out/valid_loss_rounded", torch::tensor(rounded));
  report.compare("out/valid_pred", torch::stack(predictions));
  report.compare("out/best_epoch", torch::tensor(best_epoch));
}

bool is_classification(const nlohmann::json& facts) { return facts.at("train_mode") == "classification"; }

void check_means_case(Model& model, const GoldenCase& golden, GoldenReport& report, const TrainConfig& config) {
  if (golden.metadata("kind") == "trajectory") {
    for (const auto& key : golden.keys("in/"))  // compared in the other cases
      if (key.ends_with("_mean")) report.used(key);
    return compare_trajectory(model, golden, report, config);
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
  // Classification is not part of the program: its loss is written here.
  const auto loss = is_classification(golden.config())
                        ? torch::nn::functional::cross_entropy(train.at("M"), batch.label.to(torch::kInt64))
                        : model.loss(output, batch).total;
  report.compare("out/loss", loss);
  loss.backward();
  compare_step(model, golden, report, config);
}

}  // namespace kuda::golden
