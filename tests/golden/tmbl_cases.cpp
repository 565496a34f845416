// Golden cases of TMBL, all in mode "reference": forward, losses, gradients, a step, and the published loop of epochs
// with its reloads of the best state at half the rate.

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "kuda/checkpoint/schedule.h"
#include "kuda/models/tmbl/tmbl.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/training_state.h"
#include "system_case.h"

namespace kuda::golden {

void check_tmbl(const GoldenCase& golden, GoldenReport& report);

using torch::Tensor;

namespace {

tmbl::TmblConfig tmbl_config_of(const nlohmann::json& facts) {
  tmbl::TmblConfig config;
  config.mode = tmbl::TmblConfig::Mode::reference;
  config.reference_batch = facts.at("batch_size");
  config.width = facts.at("hidden_size");
  config.layers = facts.at("n_layers");
  config.heads = facts.at("n_head");
  config.feed_forward = facts.at("d_inner");
  config.key_width = facts.at("d_k");
  config.value_width = facts.at("d_out");
  config.rnn = value_of<RnnKind>(facts.at("rnncell").get<std::string>());
  config.activation = value_of<Activation>(facts.at("activation").get<std::string>());
  config.dropout_transformer = config.dropout_fusion = config.dropout_text = 0;
  config.align = tmbl::TmblConfig::Align::words;
  return config;
}

TrainConfig tmbl_training_of(const nlohmann::json& facts) {
  TrainConfig train;
  train.optimizer = OptimizerKind::adam;
  train.lr = facts.at("learning_rate");
  train.weight_decay = 0;
  return train;
}

Batch tmbl_batch(const GoldenCase& golden, GoldenReport& report, const std::string& prefix) {
  auto batch = system_batch(golden, report, prefix);
  batch.vision.lengths = batch.audio.lengths = golden.tensor(prefix + "lengths");
  report.used(prefix + "lengths");
  return batch;
}

/// Only the tensors that changed are stored, and in the middle of a trajectory only some of them.
void tmbl_compare_stored(const GoldenCase& golden, GoldenReport& report, const tmbl::Tmbl& model,
                         const std::string& prefix) {
  for (const auto& item : model.named_parameters())
    if (golden.has(prefix + item.key())) report.compare(prefix + item.key(), item.value().detach());
}

void check_tmbl_losses(const GoldenCase& golden, GoldenReport& report) {
  std::map<std::string, Tensor> in;
  for (const auto& key : golden.keys("in/")) {
    in[key.substr(3)] = golden.tensor(key).set_requires_grad(key != "in/labels");
    report.used(key);
  }
  const tmbl::Streams of_private{in["private_t"], in["private_v"], in["private_a"]};
  const tmbl::Streams shared{in["share_T"], in["share_V"], in["share_A"]};
  const auto task = torch::mse_loss(in["pred"].squeeze(-1), in["labels"]);
  const auto similarity = tmbl::similarity_loss(shared),
             difference = tmbl::reference_difference_loss(of_private, shared);
  const auto total = task + 0.5 * similarity + 0.5 * difference;
  report.compare("out/loss_task", task);
  report.compare("out/loss_simi", similarity);
  report.compare("out/loss_diff", difference);
  report.compare("out/loss", total);
  total.backward();
  for (const auto& key : golden.keys("grad/")) report.compare(key, in.at(key.substr(5)).grad());
}

void check_tmbl_case(const GoldenCase& golden, GoldenReport& report, tmbl::Tmbl& model) {
  const auto batch = tmbl_batch(golden, report, "in/");
  model.eval();
  Trace trace;
  const auto output = model.forward(batch, &trace);
  report.compare("out/pred", output.score);
  const auto losses = model.loss(output, batch);
  report.compare("out/loss", losses.total);
  report.compare("out/loss_task", losses.terms[0].second);
  report.compare("out/loss_simi", losses.terms[1].second);
  report.compare("out/loss_diff", losses.terms[2].second);
  for (const auto& [name, value] : trace.all())
    if (name != "mean/fused")  // ours (ModelInfo::features)
      report.compare(golden.has("out/" + name) ? "out/" + name : "out/hidden/" + name, value);

  model.train();
  const auto training = model.loss(model.forward(batch, nullptr), batch);
  report.compare("out/train/loss", training.total);
  training.total.backward();
  compare_gradients(report, golden, model);
  Optimizer(model, tmbl_training_of(golden.config().at("net"))).step();
  compare_state(golden, report, model, "step/");
}

/// Epochs from -1. Rates, reloads, trials and what a reload puts back are the trainer's schedule "reload".
void check_tmbl_trajectory(const GoldenCase& golden, GoldenReport& report, tmbl::Tmbl& model) {
  const auto& facts = golden.config();
  const auto& net = facts.at("net");
  auto train = tmbl_training_of(net);
  train.schedule = Schedule::reload;
  train.decay = 0.5;
  train.patience = net.at("patience");
  train.trials = net.at("trials");
  const auto batches = [&](const std::string& split) {
    std::vector<Batch> list;
    for (std::size_t i = 0; i < facts.at("traj").at(split).size(); ++i)
      list.push_back(tmbl_batch(golden, report, fmt::format("in/{}{}/", split, i)));
    return list;
  };
  const auto training = batches("train"), dev = batches("dev"), test = batches("test");
  std::vector<Optimizer> optimizers;
  optimizers.emplace_back(model, train);
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("kuda_golden_{}", ::getpid());
  const auto load_best = [&] { load_state(model, io::read_safetensors(folder / "best.safetensors")); };
  ReloadPoint point = reload_point(train, {});
  double best_loss = std::numeric_limits<double>::infinity();
  std::vector<double> rates, dev_losses;
  std::vector<Tensor> losses, predictions;
  std::int64_t pass = 0;
  for (std::int64_t epoch = -1; epoch < net.at("n_epoch").get<std::int64_t>() && point.reloads < train.trials;
       ++epoch) {
    ++pass;
    tmbl_compare_stored(golden, report, model, fmt::format("state/start_epoch{}/", pass));
    rates.push_back(point.rate);
    optimizers[0].set_rate(point.rate);
    model.train();
    for (const auto& batch : training) {
      const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
      loss.backward();
      optimizers[0].step();
      losses.push_back(loss.detach());
    }
    tmbl_compare_stored(golden, report, model, fmt::format("state/after_epoch{}/", pass));
    model.eval();
    const torch::NoGradGuard no_grad;
    double sum = 0;
    for (const auto& batch : dev) sum += model.loss(model.forward(batch, nullptr), batch).total.item<double>();
    dev_losses.push_back(sum / double(dev.size()));
    std::vector<Tensor> scores;
    for (const auto& batch : test) scores.push_back(model.forward(batch, nullptr).score);
    predictions.push_back(torch::cat(scores));
    if (dev_losses.back() < best_loss) {
      best_loss = dev_losses.back();
      write_best(folder, model, optimizers, pass, true);
    }
    point = reload_point(train, dev_losses);
    if (point.is_due) restore_best(folder, model, optimizers);
    if (epoch % 10 == 0) load_best();  // a printed test loads the best weights, and leaves them there
  }
  load_best();  // the reported test
  tmbl_compare_stored(golden, report, model, fmt::format("state/start_epoch{}/", pass + 1));
  std::filesystem::remove_all(folder);
  report.compare("out/lr", torch::tensor(rates));
  report.compare("out/dev_loss", torch::tensor(dev_losses));
  report.compare("out/loss_steps", torch::stack(losses).view({-1, static_cast<std::int64_t>(training.size())}));
  report.compare("out/test_pred", torch::stack(predictions));
}

}  // namespace

void check_tmbl(const GoldenCase& golden, GoldenReport& report) {
  if (golden.config().value("losses_only", false)) {
    check_tmbl_losses(golden, report);
    return;
  }
  const auto& facts = golden.config().at("net");
  DataShape shape;
  shape.width.vision = facts.at("visual_size");
  shape.width.audio = facts.at("acoustic_size");
  tmbl::Tmbl model(tmbl_config_of(facts), shape, bert_of(golden.config()));
  load_weights(model, golden, report);
  for (const auto& key : golden.keys("weight/"))
    if (key.ends_with("pos_table")) {
      const auto table = golden.tensor(key);
      report.compare(key, tmbl::sinusoids(table.size(1), table.size(2)));
    }
  if (golden.config().contains("traj"))
    check_tmbl_trajectory(golden, report, model);
  else
    check_tmbl_case(golden, report, model);
}

}  // namespace kuda::golden
