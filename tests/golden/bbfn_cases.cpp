// Golden cases of BBFN: forward, both losses, gradients, a clipped step, a trajectory.

#include <fmt/format.h>

#include "kuda/checkpoint/schedule.h"
#include "kuda/models/bbfn/bbfn.h"
#include "system_case.h"

namespace kuda::golden {

void check_bbfn(const GoldenCase& golden, GoldenReport& report);

using torch::Tensor;

namespace {

bbfn::BbfnConfig bbfn_config_of(const nlohmann::json& facts) {
  bbfn::BbfnConfig config;
  config.width = facts.at("attn_dim");
  config.heads = facts.at("num_heads");
  config.layers = facts.at("layers");
  config.text = facts.at("use_bert").get<bool>() ? bbfn::BbfnConfig::Text::bert : bbfn::BbfnConfig::Text::embedding;
  config.embedding_width = facts.at("orig_d_l");
  config.encoder = value_of<bbfn::BbfnConfig::Encoder>(facts.at("proj_type").get<std::string>());
  config.kernel_text = facts.at("l_ksize");
  config.kernel_vision = facts.at("v_ksize");
  config.kernel_audio = facts.at("a_ksize");
  config.encoder_layers = facts.at("num_enc_layers");
  config.dropout_attention = config.dropout_relu = config.dropout_residual = config.dropout_embedding = 0;
  config.dropout_output = config.dropout_text = 0;
  config.lambda = facts.at("use_disc").get<bool>() ? facts.at("lambda_d").get<double>() : 0;
  config.align = bbfn::BbfnConfig::Align::words;
  return config;
}

TrainConfig bbfn_training_of(const nlohmann::json& facts) {
  TrainConfig train;
  train.optimizer = OptimizerKind::adam;
  train.lr = facts.at("lr");
  train.weight_decay = 0;
  train.clip_norm = facts.at("clip");
  train.schedule = Schedule::plateau;
  train.patience = 20;
  train.decay = 0.1;
  return train;
}

Batch bbfn_batch(const GoldenCase& golden, GoldenReport& report, const std::string& prefix) {
  auto batch = system_batch(golden, report, prefix);
  const auto lengths = golden.tensor(prefix + "lengths");  // in words
  report.used(prefix + "lengths");
  batch.vision.lengths = batch.audio.lengths = lengths;
  if (golden.has(prefix + "word_ids")) {
    batch.text_ids = golden.tensor(prefix + "word_ids");
    report.used(prefix + "word_ids");
    batch.text_padding = torch::arange(batch.text_ids.size(1)).unsqueeze(0) >= lengths.unsqueeze(1);
  }
  return batch;
}

void bbfn_compare_state(const GoldenCase& golden, GoldenReport& report, bbfn::Bbfn& model, const std::string& prefix,
                        double bound) {
  compare_state(golden, report, model, prefix, bound);
  const auto parameters = model.named_parameters();
  for (const auto& key : golden.keys(prefix)) {
    const auto name = key.substr(prefix.size());
    for (const auto& [ours, theirs] : model.listed_twice())
      if (name.starts_with(theirs)) report.compare(key, parameters[ours + name.substr(theirs.size())].detach());
  }
}

void check_bbfn_case(const GoldenCase& golden, GoldenReport& report, bbfn::Bbfn& model) {
  const auto& facts = golden.config().at("hp");
  const auto batch = bbfn_batch(golden, report, "in/");
  model.eval();
  Trace trace;
  const auto output = model.forward(batch, &trace);
  report.compare("out/pred", output.score);
  report.compare("out/disc_pred", trace.at("disc_pred"));
  report.compare("out/disc_true", trace.at("disc_true"));
  report.compare("out/loss_task", model.loss(output, batch).terms[0].second);
  report.compare("out/loss_disc", output.terms[0].second);
  report.compare("out/mae", (output.score - batch.label).abs().mean());
  for (const auto& [name, value] : trace.all()) {
    if (name.starts_with("disc_") || name == "joined") continue;  // the latter is ours (ModelInfo::features)
    const bool is_time_first = name.starts_with("seq_") || name.find("/l_") != std::string::npos ||
                               name.find("/o_") != std::string::npos;  // so are they stored
    report.compare("out/hidden/" + name, is_time_first ? value.transpose(0, 1) : value);
  }

  model.train();
  const auto losses = model.loss(model.forward(batch, nullptr), batch);
  report.compare("out/train/loss", losses.total);
  losses.total.backward();
  compare_gradients(report, golden, model);
  report.compare("out/train/grad_norm", gradient_norm(model));
  Optimizer(model, bbfn_training_of(facts)).step();
  bbfn_compare_state(golden, report, model, "step/", largest_move(facts.at("lr")));
}

void check_bbfn_trajectory(const GoldenCase& golden, GoldenReport& report, bbfn::Bbfn& model) {
  const auto& facts = golden.config();
  const auto train = bbfn_training_of(facts.at("hp"));
  const auto batches = [&](const std::string& split) {
    std::vector<Batch> list;
    for (std::size_t i = 0; i < facts.at("traj").at(split).size(); ++i)
      list.push_back(bbfn_batch(golden, report, fmt::format("in/{}{}/", split, i)));
    return list;
  };
  const auto training = batches("train"), valid = batches("valid"), test = batches("test");
  Optimizer optimizer(model, train);
  std::vector<double> rates, values;
  std::vector<Tensor> losses, norms, predictions;
  for (std::int64_t epoch = 0; epoch < facts.at("epochs").get<std::int64_t>(); ++epoch) {
    rates.push_back(learning_rate(train, values));
    optimizer.set_rate(rates.back());
    model.train();
    for (const auto& batch : training) {
      const auto loss = model.loss(model.forward(batch, nullptr), batch).total;
      loss.backward();
      norms.push_back(gradient_norm(model));
      optimizer.step();
      losses.push_back(loss.detach());
    }
    model.eval();
    const torch::NoGradGuard no_grad;
    double sum = 0;
    std::int64_t clips = 0;
    for (const auto& batch : valid) {
      sum += model.loss(model.forward(batch, nullptr), batch).total.item<double>() * double(batch.size());
      clips += batch.size();
    }
    values.push_back(sum / double(clips));
    std::vector<Tensor> scores;
    for (const auto& batch : test) scores.push_back(model.forward(batch, nullptr).score);
    predictions.push_back(torch::cat(scores));
    bbfn_compare_state(golden, report, model, fmt::format("state/epoch{}/", epoch + 1),
                       largest_move(train.lr, std::int64_t(losses.size())));
  }
  const auto steps = static_cast<std::int64_t>(training.size());
  report.compare("out/lr", torch::tensor(rates));
  report.compare("out/loss_steps", torch::stack(losses).view({-1, steps}));
  report.compare("out/grad_norm_steps", torch::stack(norms).view({-1, steps}));
  report.compare("out/valid_loss", torch::tensor(values));
  report.compare("out/test_pred", torch::stack(predictions));  // [epochs, clips]; [epochs, clips, 1] in the file
}

}  // namespace

void check_bbfn(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config().at("hp");
  DataShape shape;
  shape.width.vision = facts.at("orig_d_v");
  shape.width.audio = facts.at("orig_d_a");
  TextEncoder text;
  if (golden.config().contains("bert"))
    text = bert_of(golden.config());
  else
    text.bert.vocab_size = golden.config().at("n_words");
  bbfn::Bbfn model(bbfn_config_of(facts), shape, text);
  load_weights(model, golden, report);
  if (golden.config().contains("traj"))
    check_bbfn_trajectory(golden, report, model);
  else
    check_bbfn_case(golden, report, model);
}

}  // namespace kuda::golden
