// Golden cases of CENet: MMSA's variant with three and four layers and a trajectory over two epochs, the authors'
// codebook variant, k-means.

#include <fmt/format.h>

#include "kuda/models/cenet/cenet.h"
#include "kuda/nn/kmeans.h"
#include "system_case.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

TrainConfig cenet_training(const nlohmann::json& facts) {
  TrainConfig config;
  config.optimizer = facts.at("_variant") == "codebook" ? "adamw_transformers" : "adam";
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

/// Cluster ids [B, L] as frames of one feature: frame k is what a codebook of centres 0, 1, ... gives id k.
Sequence frames_of_ids(const GoldenCase& golden, GoldenReport& report, const std::string& key, std::int64_t padding) {
  const auto ids = golden.tensor(key);
  report.used(key);
  Sequence sequence;
  sequence.values = ids.to(torch::kFloat32).unsqueeze(-1);
  sequence.padding = ids == padding;
  sequence.lengths = sequence.padding.logical_not().sum(1);
  return sequence;
}

/// Those of a codebook case; none for MMSA's variant.
cenet::WordTags read_tags(const GoldenCase& golden, GoldenReport& report) {
  const auto read = [&](const std::string& key) {
    report.used(key);
    return golden.has(key) ? golden.tensor(key) : Tensor();
  };
  return {read("in/senti_ids"), read("in/pos_ids"), read("in/polarity_ids")};
}

Batch cenet_batch(const GoldenCase& golden, GoldenReport& report, cenet::Cenet& model,
                  const cenet::CenetConfig& config) {
  auto batch = system_batch(golden, report);
  if (!config.is_codebook()) return batch;
  batch.vision = frames_of_ids(golden, report, "in/visual_ids", config.clusters);
  batch.audio = frames_of_ids(golden, report, "in/acoustic_ids", config.clusters);
  for (auto& buffer : model.named_buffers())
    if (buffer.key().ends_with("_codebook.centres")) buffer.value().copy_(torch::arange(config.clusters).unsqueeze(1));
  return batch;
}

void check_cenet_single(const GoldenCase& golden, GoldenReport& report, cenet::Cenet& model,
                        const cenet::CenetConfig& config) {
  const auto batch = cenet_batch(golden, report, model, config);
  const auto tags = read_tags(golden, report);
  Trace trace;
  model.eval();
  const auto scored = model.forward(batch, tags, &trace);
  report.compare("out/logits", scored.score);
  report.compare("out/loss", model.loss(scored, batch).total);
  for (const auto& key : golden.keys("out/hidden/")) {
    const auto name = key.substr(std::string("out/hidden/").size());
    report.compare(key, trace.has(name) ? trace.at(name) : Tensor());
  }
  model.train();
  const auto loss = model.loss(model.forward(batch, tags, nullptr), batch).total;
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

/// The whole path of the program (ids of padded frames too) with the centres found by Lloyd from the stored start.
void check_kmeans(const GoldenCase& golden, GoldenReport& report) {
  Sequence frames;
  frames.values = golden.tensor("in/features");         // [B, L, D]
  frames.lengths = golden.tensor("in/lengths");         // [B]
  const auto start = golden.tensor("in/init_centers");  // [K, D]
  frames.padding = torch::arange(frames.values.size(1)).unsqueeze(0) >= frames.lengths.unsqueeze(1);
  report.used_prefix("in/");
  const auto found = run_lloyd(frames.values.index({frames.padding.logical_not()}), start);
  report.compare("out/centers", found.centres);
  report.compare("out/inertia", torch::tensor(found.inertia));
  report.compare("out/n_iter", torch::tensor(found.iterations));
  cenet::Codebook codebook(start.size(0), start.size(1));
  codebook->named_buffers()["centres"].copy_(found.centres);
  const auto ids = codebook->ids(frames), new_ids = nearest_centre(golden.tensor("in/new_features"), found.centres);
  report.expect("out/ids", torch::equal(ids, golden.tensor("out/ids")), "ids must be equal");
  report.expect("out/new_ids", torch::equal(new_ids, golden.tensor("out/new_ids")), "ids must be equal");
}

}  // namespace

void check_cenet(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  if (facts.at("_variant") == "kmeans") return check_kmeans(golden, report);
  const auto widths = facts.at("feature_dims");  // text, audio, vision
  DataShape shape;
  shape.text_length = facts.at("seq_lens")[0];
  shape.audio_length = facts.at("seq_lens")[1];
  shape.vision_length = facts.at("seq_lens")[2];
  shape.audio_width = widths[1];
  shape.vision_width = widths[2];
  cenet::CenetConfig config;
  config.variant = facts.at("_variant");
  cenet::Cenet model(config, shape, bert_of(facts));
  load_weights(model, golden, report);  // the codebook's centres come from elsewhere: ModelInfo::is_unpublished
  if (facts.at("_kind") == "traj")
    check_cenet_trajectory(golden, report, model);
  else
    check_cenet_single(golden, report, model, config);
}

}  // namespace kuda::golden
