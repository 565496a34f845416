// Golden cases of MMIM: both phases of one step with a stored memory, trajectory over two epochs of two phases.

#include <fmt/format.h>

#include "kuda/models/mmim/mmim.h"
#include "system_case.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

mmim::MmimConfig mmim_config(const nlohmann::json& facts) {
  mmim::MmimConfig config;
  config.audio_hidden = facts.at("d_ah");
  config.vision_hidden = facts.at("d_vh");
  config.audio_out = facts.at("d_aout");
  config.vision_out = facts.at("d_vout");
  config.fusion_width = facts.at("d_prjh");
  config.layers = facts.at("n_layer");
  config.bidirectional = facts.at("bidirectional");
  config.dropout_audio = config.dropout_vision = config.dropout_fusion = 0;
  config.contrast_layers = facts.at("cpc_layers");
  config.bound_activation = value_of<Activation>(lower(facts.value("mmilb_mid_activation", "ReLU")));
  config.contrast_activation = value_of<Activation>(lower(facts.value("cpc_activation", "Tanh")));
  config.vision_audio = facts.at("add_va");
  config.contrast = facts.at("contrast");
  config.alpha = facts.at("alpha");
  config.beta = facts.at("beta");
  config.memory = facts.at("mem_size");
  config.lengths_of_text = facts.at("need_data_aligned");
  config.skip_singular = false;
  config.lr_text = facts.at("lr_bert");
  config.lr_main = facts.at("lr_main");
  config.lr_bound = facts.at("lr_mmilb");
  config.decay_text = facts.at("weight_decay_bert");
  config.decay_main = facts.at("weight_decay_main");
  config.decay_bound = facts.at("weight_decay_mmilb");
  return config;
}

TrainConfig mmim_training(const nlohmann::json& facts) {
  TrainConfig config;
  config.optimizer = OptimizerKind::adam;
  config.weight_decay = 0;
  config.clip_norm = facts.at("grad_clip");
  return config;
}

std::shared_ptr<mmim::Mmim> mmim_model(const GoldenCase& golden, GoldenReport& report, std::int64_t batch_size) {
  for (const auto& key : golden.keys("in/mem/"))  // the memory has room for the largest batch that is in it
    batch_size = std::max(batch_size, golden.tensor(key).size(0));
  const auto& facts = golden.config();
  DataShape shape;
  shape.length.text = facts.at("seq_lens")[0];
  shape.length.audio = facts.at("seq_lens")[1];
  shape.length.vision = facts.at("seq_lens")[2];
  shape.width.audio = facts.at("feature_dims")[1];
  shape.width.vision = facts.at("feature_dims")[2];
  const auto model = std::make_shared<mmim::Mmim>(mmim_config(facts), shape, bert_of(facts));
  load_weights(*model, golden, report);
  TrainingFacts training;
  training.batch_size = batch_size;
  model->begin_training(training);
  return model;
}

/// Zero where the model has none: the entropy before the memory is full.
Tensor mmim_value(const Output& output, const std::string& name) {
  for (const auto& [key, value] : output.terms)
    if (key == name) return value.detach();
  return torch::zeros({});
}

void check_mmim_scores(const GoldenCase& golden, GoldenReport& report, Model& model, const Batch& batch) {
  Trace trace;
  model.eval();
  const auto output = model.forward(batch, &trace);
  report.compare("out/M", output.score);
  report.compare("out/eval_loss", model.loss(output, batch).total);
  report.compare("out/lld", mmim_value(output, "lld"));
  report.compare("out/nce", mmim_value(output, "nce"));
  for (const std::string prefix : {"out/hidden/", "out/Feature_"})
    for (const auto& key : golden.keys(prefix)) {
      const auto name = key.substr(key.rfind('/') + 1);
      report.compare(key, trace.has(name) ? trace.at(name) : Tensor());
    }
}

void check_mmim_stage1(const GoldenCase& golden, GoldenReport& report, Model& model, const Batch& batch) {
  const auto training = mmim_training(golden.config());
  Optimizer optimizer(model, training, 0);
  model.train();
  model.begin_phase(0, false);
  const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
  loss.backward();
  report.compare("out/stage1_loss", loss);
  report.compare("out/stage1_grad_norm", gradient_norm(model));
  for (const auto& item : model.named_parameters())
    if (golden.has("stage1_grad/" + item.key()))
      report.compare("stage1_grad/" + item.key(), item.value().grad());
    else if (item.value().grad().defined())
      report.expect("stage1_grad/" + item.key(), false, "the reference has no gradient here");
  optimizer.step();
  compare_state(golden, report, model, "stage1_step/");
}

/// The stored memory: two entries a pair where mem_size is 2.
void fill_mmim_memory(const GoldenCase& golden, GoldenReport& report, Model& model) {
  const torch::NoGradGuard no_grad;
  auto buffers = model.named_buffers();
  const std::int64_t size = golden.config().at("mem_size");
  buffers["memory_step"].fill_(size + 1);           // the entropy is in the loss
  for (const auto& key : golden.keys("in/mem/")) {  // in/mem/PAIR/SIGN/J
    const auto pair = key.substr(7, 2), sign = key.substr(10, 3);
    const auto slot = std::stoll(key.substr(14));
    const std::int64_t side = sign == "pos" ? 0 : 1;
    const auto samples = golden.tensor(key);
    buffers["mi_" + pair + ".memory"][side][slot].slice(0, 0, samples.size(0)).copy_(samples);
    buffers["mi_" + pair + ".memory_counts"][side][slot].fill_(samples.size(0));
  }
  report.used_prefix("in/mem/");
}

void check_mmim_stage2(const GoldenCase& golden, GoldenReport& report, Model& model, const Batch& batch) {
  const auto training = mmim_training(golden.config());
  Optimizer optimizer(model, training, 1);
  model.train();
  model.begin_phase(1, false);
  fill_mmim_memory(golden, report, model);
  Trace trace;
  const auto output = model.forward(batch, &trace);
  const auto losses = model.loss(output, batch);
  report.compare("out/y_loss", losses.terms[0].second);
  report.compare("out/stage2_nce", mmim_value(output, "nce"));
  report.compare("out/stage2_lld", mmim_value(output, "lld"));
  report.compare("out/H", mmim_value(output, "entropy"));
  for (const auto& key : golden.keys("out/H_")) report.compare(key, trace.at(key.substr(4)));
  for (const auto& key : golden.keys("out/samples/")) report.compare(key, mmim_value(output, key.substr(4)));
  report.compare("out/loss", losses.total);
  losses.total.backward();
  compare_gradients(report, golden, model);
  report.compare("out/grad_norm", gradient_norm(model));
  optimizer.step();
  compare_state(golden, report, model, "step/");
}

void check_mmim_trajectory(const GoldenCase& golden, GoldenReport& report) {
  const auto all = system_batch(golden, report), valid = system_batch(golden, report, "in/valid_");
  const auto order = golden.tensor("in/order");  // [passes, steps, batch]: phases alternate
  report.used("in/order");
  const auto model = mmim_model(golden, report, order.size(2));
  const auto training = mmim_training(golden.config());
  std::vector<Optimizer> optimizers;
  const auto phases = model->num_phases();  // one without "contrast": stage 2 alone
  for (std::int64_t phase = 0; phase < phases; ++phase) optimizers.emplace_back(*model, training, phase);
  std::map<std::string, std::vector<std::vector<Tensor>>> values;  // of steps
  std::map<std::string, std::vector<Tensor>> of_epochs;
  std::vector<Tensor> scores, valid_losses;
  for (std::int64_t pass = 0; pass < order.size(0); ++pass) {
    const auto epoch = pass / phases, phase = pass % phases;
    const bool is_last = phase + 1 == phases;
    const auto stage = fmt::format("out/stage{}_", is_last ? 2 : 1);
    model->train();
    if (phase == 0) model->begin_epoch(epoch, order.size(0) / phases);
    model->begin_phase(phase, false);
    auto& optimizer = optimizers[std::size_t(phase)];
    auto steps = steps_of(order[pass]);
    // On CMU-MOSEI stage 1 ends half-way; the file says after how many steps.
    if (const auto key = stage + "loss_steps"; golden.has(key) && golden.tensor(key).dim() == 2)
      steps.resize(std::min(steps.size(), std::size_t(golden.tensor(key).size(1))));
    const auto keep = [&](const char* name, const Tensor& value) {
      auto& rows = values[stage + name];
      rows.resize(std::size_t(epoch) + 1);
      rows.back().push_back(value.detach());
    };
    Tensor epoch_loss = torch::zeros({});
    for (const auto& positions : steps) {
      const auto batch = rows_of(all, positions);
      const auto output = model->forward(batch, nullptr);
      const auto loss = model->loss(output, batch).total;
      loss.backward();
      const torch::NoGradGuard no_grad;
      model->after_backward(output, batch);
      keep("loss_steps", loss);
      keep("grad_norms", gradient_norm(*model));
      if (phases > 1) keep("lld", mmim_value(output, "lld"));
      if (phases > 1 && is_last) keep("nce", mmim_value(output, "nce"));
      if (phases > 1 && is_last) keep("H", mmim_value(output, "entropy"));
      epoch_loss += loss.detach() * batch.size();
      optimizer.step();
    }
    of_epochs[stage + "epoch_loss"].push_back(epoch_loss / golden.config().at("train_samples").get<double>());
    if (!is_last) continue;
    const torch::NoGradGuard no_grad;
    compare_state(golden, report, *model, fmt::format("state/epoch{}/weight/", epoch + 1));
    model->eval();
    const auto output = model->forward(valid, nullptr);
    scores.push_back(output.score);
    valid_losses.push_back((model->loss(output, valid).total * 1e4).round() / 1e4);  // one batch, four decimals
  }
  for (const auto& [key, rows] : values) report.compare_steps(key, rows);
  for (const auto& [key, list] : of_epochs) report.compare(key, torch::stack(list));
  report.compare("out/valid_pred", torch::stack(scores));
  report.compare("out/valid_loss_rounded", torch::stack(valid_losses));
}

}  // namespace

void check_mmim(const GoldenCase& golden, GoldenReport& report) {
  if (golden.config().at("_kind") == "traj") return check_mmim_trajectory(golden, report);
  const auto batch = system_batch(golden, report);
  const auto first = mmim_model(golden, report, batch.size());
  check_mmim_scores(golden, report, *first, batch);
  check_mmim_stage1(golden, report, *first, batch);
  check_mmim_stage2(golden, report, *mmim_model(golden, report, batch.size()), batch);
}

}  // namespace kuda::golden
