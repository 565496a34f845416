#include "multitask_case.h"

#include <fmt/format.h>

#include <cmath>

namespace kuda::golden {

using torch::Tensor;

namespace {

TrainConfig multitask_training(const nlohmann::json& facts) {
  TrainConfig config;
  config.optimizer = OptimizerKind::adam;
  config.accumulate = facts.at("update_epochs");
  config.accumulate_as = Accumulation::sum;
  config.leftover = Leftover::drop;
  config.weight_decay = 0;
  return config;
}

Tensor bank_of(MultitaskModel& model, const std::string& name) { return model.bank()->named_buffers()[name]; }

void compare_centres(GoldenReport& report, MultitaskModel& model, const std::string& prefix) {
  for (const std::string head : kLabelHeads) {
    const auto centres = bank_of(model, "centres_" + head);
    report.compare(prefix + head + "/pos", centres[0]);
    report.compare(prefix + head + "/neg", centres[1]);
  }
}

void compare_banks(GoldenReport& report, MultitaskModel& model, const std::string& prefix, const std::string& suffix) {
  for (std::size_t head = 0; head < 4; ++head) {
    const std::string name = kLabelHeads[head];
    report.compare(prefix + "label_map" + suffix + "/" + name, bank_of(model, "labels")[std::int64_t(head)]);
    report.compare(prefix + "feature_map" + suffix + "/" + name, bank_of(model, "features_" + name));
  }
}

}  // namespace

void read_multitask(const nlohmann::json& facts, MultitaskOptions& options) {
  options.audio_hidden = facts.at("a_lstm_hidden_size");
  options.vision_hidden = facts.at("v_lstm_hidden_size");
  options.fusion_width = facts.at("post_fusion_dim");
  options.text_width = facts.at("post_text_dim");
  options.audio_width = facts.at("post_audio_dim");
  options.vision_width = facts.at("post_video_dim");
  options.dropout_fusion = options.dropout_text = options.dropout_audio = options.dropout_vision = 0;
  options.finetune_text = facts.at("use_finetune");
  options.label_limit = facts.at("H");
  options.exclude_zero = facts.at("excludeZero");
  options.keep_empty_centres = false;
  options.lr_text = facts.at("learning_rate_bert");
  options.lr_audio = facts.at("learning_rate_audio");
  options.lr_vision = facts.at("learning_rate_video");
  options.lr_other = facts.at("learning_rate_other");
  options.decay_text = facts.at("weight_decay_bert");
  options.decay_audio = facts.at("weight_decay_audio");
  options.decay_vision = facts.at("weight_decay_video");
  options.decay_other = facts.at("weight_decay_other");
}

void check_multitask_single(const GoldenCase& golden, GoldenReport& report, MultitaskModel& model, Trace& trace) {
  const auto batch = system_batch(golden, report);
  TrainingFacts facts;
  for (std::int64_t i = 0; i < golden.config().at("train_samples"); ++i) facts.rows.push_back(i);
  facts.labels = [&] { return golden.tensor("in/label_map/fusion"); };
  model.begin_training(facts);
  {
    const torch::NoGradGuard no_grad;
    for (std::size_t head = 0; head < 4; ++head) {
      const std::string name = kLabelHeads[head];
      bank_of(model, "labels")[std::int64_t(head)].copy_(golden.tensor("in/label_map/" + name));
      bank_of(model, "features_" + name).copy_(golden.tensor("in/feature_map/" + name));
    }
  }
  report.used_prefix("in/label_map/");
  report.used_prefix("in/feature_map/");
  model.bank()->update_centres();
  compare_centres(report, model, "out/ulgm/center_before/");
  model.begin_epoch(golden.config().at("_epoch").get<std::int64_t>() - 1, 1);

  model.eval();
  const auto scored = model.forward(batch, &trace);
  report.compare("out/M", scored.score);
  report.compare("out/T", scored.unimodal[Modality::text]);
  report.compare("out/A", scored.unimodal[Modality::audio]);
  report.compare("out/V", scored.unimodal[Modality::vision]);
  for (std::size_t head = 0; head < 4; ++head)
    report.compare(fmt::format("out/Feature_{}", "ftav"[head]), trace.at(fmt::format("feature/{}", kLabelHeads[head])));
  for (const auto& key : golden.keys("out/hidden/")) {
    const auto name = key.substr(std::string("out/hidden/").size());
    report.compare(key, trace.has(name) ? trace.at(name) : Tensor());
  }
  report.compare("out/eval_loss", model.loss(scored, batch).total);

  model.train();
  const auto output = model.forward(batch, nullptr);
  const auto losses = model.loss(output, batch);
  report.compare("out/loss", losses.total);
  report.compare("out/train_loss", losses.total);
  for (std::size_t head = 0; head < 4; ++head)
    report.compare(fmt::format("out/loss_{}", "MTAV"[head]), losses.terms[head].second);
  const auto training = multitask_training(golden.config());
  Optimizer optimizer(model, training);
  losses.total.backward();
  compare_gradients(report, golden, model);
  model.after_backward(output, batch);
  compare_banks(report, model, "out/ulgm/", "_after");
  compare_centres(report, model, "out/ulgm/center_after/");
  optimizer.step();
  for (const auto& item : model.named_parameters())
    if (golden.has("step/" + item.key())) report.compare("step/" + item.key(), item.value());
}

void check_multitask_trajectory(const GoldenCase& golden, GoldenReport& report, MultitaskModel& model) {
  const auto all = system_batch(golden, report);
  const auto valid = system_batch(golden, report, "in/valid_");
  const auto config = multitask_training(golden.config());
  const auto order = golden.tensor("in/order");  // [passes, steps, batch]; pass 0 fills the label banks
  report.used("in/order");
  TrainingFacts facts;
  facts.rows = all.rows;
  facts.labels = [&] { return all.label; };
  facts.batch_size = order.size(2);
  model.begin_training(facts);
  Optimizer optimizer(model, config);
  std::vector<std::vector<Tensor>> losses;
  std::vector<Tensor> scores, valid_losses;
  for (std::int64_t epoch = 0; epoch + 1 < order.size(0); ++epoch) {
    model.train();
    model.begin_epoch(epoch, order.size(0) - 1);
    std::int64_t pending = 0;
    losses.emplace_back();
    for (const auto& positions : steps_of(order[epoch + 1])) {
      const auto batch = rows_of(all, positions);
      const auto output = model.forward(batch, nullptr);
      const auto loss = model.loss(output, batch).total;
      loss.backward();
      losses.back().push_back(loss.detach());
      model.after_backward(output, batch);
      if (++pending < config.accumulate) continue;
      optimizer.step();
      pending = 0;
    }
    optimizer.clear_gradients();  // leftover = "drop"
    const torch::NoGradGuard no_grad;
    const auto state = fmt::format("state/epoch{}/", epoch + 1);
    for (const auto& item : model.named_parameters()) report.compare(state + "weight/" + item.key(), item.value());
    for (const auto& item : model.named_buffers())
      if (golden.has(state + "weight/" + item.key())) report.compare(state + "weight/" + item.key(), item.value());
    compare_banks(report, model, state, "");
    compare_centres(report, model, state + "center_map/");
    model.eval();
    const auto output = model.forward(valid, nullptr);
    scores.push_back(output.score);
    valid_losses.push_back((model.loss(output, valid).total * 1e4).round() / 1e4);  // one batch, four decimals
  }
  report.compare_steps("out/loss_steps", losses);
  report.compare("out/valid_pred", torch::stack(scores));
  report.compare("out/valid_loss_rounded", torch::stack(valid_losses));
}

}  // namespace kuda::golden
