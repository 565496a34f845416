// Golden cases of CENet in MMSA's variant: three and four layers, trajectory over two epochs.

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/models/cenet/cenet.h"
#include "system_case.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

TrainConfig cenet_training(const nlohmann::json& facts) {
  TrainConfig config;
  config.optimizer = "adam";
  config.lr = facts.at("learning_rate");
  config.weight_decay = facts.at("weight_decay");
  config.eps = facts.at("adam_epsilon");
  config.clip_norm = facts.at("max_grad_norm");
  return config;
}

Tensor cenet_gradient_norm(Model& model) {
  std::vector<Tensor> norms;
  for (const auto& parameter : model.parameters())
    if (parameter.grad().defined()) norms.push_back(parameter.grad().norm());
  return torch::stack(norms).norm();
}

void check_cenet_single(const GoldenCase& golden, GoldenReport& report, Model& model) {
  const auto batch = system_batch(golden, report);
  Trace trace;
  model.eval();
  const auto scored = model.forward(batch, &trace);
  report.compare("out/logits", scored.score);
  report.compare("out/loss", model.loss(scored, batch).total);
  for (const auto& key : golden.keys("out/hidden/")) {
    const auto name = key.substr(std::string("out/hidden/").size());
    report.compare(key, trace.has(name) ? trace.at(name) : Tensor());
  }
  model.train();
  const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
  report.compare("out/train_loss", loss);
  Optimizer optimizer(model, cenet_training(golden.config()));
  loss.backward();
  compare_gradients(report, golden, model);
  report.compare("out/grad_norm", cenet_gradient_norm(model));
  optimizer.step();
  compare_state(golden, report, model, "step/");
}

void check_cenet_trajectory(const GoldenCase& golden, GoldenReport& report, Model& model) {
  const auto all = system_batch(golden, report), valid = system_batch(golden, report, "in/valid_");
  const auto order = golden.tensor("in/order");  // [epochs, steps, batch], -1: none
  report.used("in/order");
  Optimizer optimizer(model, cenet_training(golden.config()));
  std::vector<Tensor> losses, norms, scores, valid_losses;
  for (std::int64_t epoch = 0; epoch < order.size(0); ++epoch) {
    model.train();
    for (std::int64_t step = 0; step < order.size(1); ++step) {
      std::vector<std::int64_t> positions;
      for (std::int64_t i = 0; i < order.size(2); ++i)
        if (const auto at = order[epoch][step][i].item<std::int64_t>(); at >= 0) positions.push_back(at);
      const auto batch = rows_of(all, positions);
      const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
      loss.backward();
      losses.push_back(loss.detach());
      norms.push_back(cenet_gradient_norm(model));
      optimizer.step();
    }
    const torch::NoGradGuard no_grad;
    compare_state(golden, report, model, fmt::format("state/epoch{}/weight/", epoch + 1));
    model.eval();
    const auto output = model.forward(valid, nullptr);
    scores.push_back(output.score);
    valid_losses.push_back((model.loss(output, valid).total * 1e4).round() / 1e4);  // one batch, four decimals
  }
  report.compare("out/loss_steps", torch::stack(losses).reshape({-1, order.size(1)}));
  report.compare("out/grad_norms", torch::stack(norms).reshape({-1, order.size(1)}));
  report.compare("out/valid_pred", torch::stack(scores));
  report.compare("out/valid_loss_rounded", torch::stack(valid_losses));
}

}  // namespace

void check_cenet(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  if (facts.at("_variant") != "mmsa")
    throw UsageError(fmt::format("no check for CENet's variant {}", facts.at("_variant").get<std::string>()));
  const auto widths = facts.at("feature_dims");  // text, audio, vision
  DataShape shape;
  shape.text_length = facts.at("seq_lens")[0];
  shape.audio_length = facts.at("seq_lens")[1];
  shape.vision_length = facts.at("seq_lens")[2];
  shape.audio_width = widths[1];
  shape.vision_width = widths[2];
  Cenet model(CenetConfig(), shape, bert_of(facts));
  load_weights(model, golden, report);
  if (facts.at("_kind") == "traj")
    check_cenet_trajectory(golden, report, model);
  else
    check_cenet_single(golden, report, model);
}

}  // namespace kuda::golden
