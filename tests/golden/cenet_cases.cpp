// Golden cases of CENet: MMSA's variant one step and trajectories, the authors' codebook variant
// with its warm-up, k-means.

#include <fmt/format.h>

#include "kuda/checkpoint/schedule.h"
#include "kuda/models/cenet/cenet.h"
#include "kuda/nn/kmeans.h"
#include "system_case.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

TrainConfig cenet_training(const nlohmann::json& facts) {
  TrainConfig config;
  config.optimizer = facts.at("_variant") == "codebook" ? OptimizerKind::adamw_transformers : OptimizerKind::adam;
  config.lr = facts.at("learning_rate");
  config.weight_decay = facts.at("weight_decay");
  config.eps = facts.at("adam_epsilon");
  config.clip_norm = facts.at("max_grad_norm");
  return config;
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

/// The words' tags of a codebook case; none for MMSA's variant.
cenet::WordTags read_tags(const GoldenCase& golden, GoldenReport& report, const std::string& prefix) {
  const auto read = [&](const std::string& name) {
    report.used(prefix + name);
    return golden.has(prefix + name) ? golden.tensor(prefix + name) : Tensor();
  };
  return {read("senti_ids"), read("pos_ids"), read("polarity_ids")};
}

cenet::WordTags tags_of(const cenet::WordTags& all, const std::vector<std::int64_t>& positions) {
  const auto take = [at = torch::tensor(positions)](const Tensor& x) {
    return x.defined() ? x.index_select(0, at) : x;
  };
  return {take(all.word_polarity), take(all.part_of_speech), take(all.sentence_polarity)};
}

Batch cenet_batch(const GoldenCase& golden, GoldenReport& report, const cenet::CenetConfig& config,
                  const std::string& prefix) {
  auto batch = system_batch(golden, report, prefix);
  if (!config.is_codebook()) return batch;
  batch.vision = frames_of_ids(golden, report, prefix + "visual_ids", config.clusters);
  batch.audio = frames_of_ids(golden, report, prefix + "acoustic_ids", config.clusters);
  return batch;
}

void check_cenet_single(const GoldenCase& golden, GoldenReport& report, cenet::Cenet& model,
                        const cenet::CenetConfig& config) {
  const auto batch = cenet_batch(golden, report, config, "in/");
  const auto tags = read_tags(golden, report, "in/");
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
  report.compare("out/grad_norm", gradient_norm(model));
  optimizer.step();
  compare_state(golden, report, model, "step/");
}

/// The authors' loop makes floor(clips / batch) steps an epoch, up to the full rate over a part of them all.
TrainConfig cenet_schedule(const GoldenCase& golden, const Tensor& order) {
  auto config = cenet_training(golden.config());
  config.schedule = golden.config().contains("warmup_proportion") ? Schedule::linear : Schedule::constant;
  config.warmup = golden.config().value("warmup_proportion", 0.0);
  config.epochs = order.size(0);
  return config;
}

void check_cenet_trajectory(const GoldenCase& golden, GoldenReport& report, cenet::Cenet& model,
                            const cenet::CenetConfig& config) {
  const auto all = cenet_batch(golden, report, config, "in/"), valid = cenet_batch(golden, report, config, "in/valid_");
  const auto tags = read_tags(golden, report, "in/"), valid_tags = read_tags(golden, report, "in/valid_");
  const auto order = golden.tensor("in/order");  // [epochs, steps, batch], -1: none
  report.used("in/order");
  const auto training = cenet_schedule(golden, order);
  Optimizer optimizer(model, training);
  const auto steps = all.size() / order.size(2);  // what the schedule counts on, an incomplete batch left out
  std::vector<std::vector<Tensor>> losses, norms, rates;
  std::vector<Tensor> scores, valid_losses;
  std::vector<double> values;
  for (std::int64_t epoch = 0; epoch < order.size(0); ++epoch) {
    model.train();
    for (auto* rows : {&losses, &norms, &rates}) rows->emplace_back();
    for (const auto& positions : steps_of(order[epoch])) {
      const auto batch = rows_of(all, positions);
      const auto loss = model.loss(model.forward(batch, tags_of(tags, positions), nullptr), batch).total;
      loss.backward();
      const auto rate = learning_rate(training, values, std::int64_t(losses.back().size()), steps);
      losses.back().push_back(loss.detach());
      norms.back().push_back(gradient_norm(model));
      rates.back().push_back(torch::tensor(rate, torch::kFloat64));
      optimizer.set_rate(rate);
      optimizer.step();
    }
    values.push_back(0);
    const torch::NoGradGuard no_grad;
    compare_state(golden, report, model, fmt::format("state/epoch{}/weight/", epoch + 1));
    model.eval();
    const auto output = model.forward(valid, valid_tags, nullptr);
    scores.push_back(output.score);
    valid_losses.push_back(model.loss(output, valid).total);  // one batch
  }
  report.compare_steps("out/loss_steps", losses);
  report.compare_steps("out/grad_norms", norms);
  for (const auto& key : golden.keys("out/lr")) report.compare_steps(key, rates);
  report.compare("out/valid_pred", torch::stack(scores));
  const auto loss = torch::stack(valid_losses);
  for (const auto& key : golden.keys("out/valid_loss")) {
    // The authors' evaluation adds the loss of its last batch to itself: a file of theirs holds twice the loss.
    const auto stored = golden.tensor(key).to(loss.dtype()).reshape(loss.sizes());
    const bool is_twice = config.is_codebook() && torch::allclose(stored, 2 * loss, 1e-3, 1e-3);
    const auto value = is_twice ? 2 * loss : loss;
    report.compare(key, key.ends_with("_rounded") ? (value * 1e4).round() / 1e4 : value);  // four decimals
  }
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
  cenet::CenetConfig config;
  config.variant = value_of<cenet::CenetConfig::Variant>(facts.at("_variant").get<std::string>());
  // Cluster ids are frames of one feature here, whatever the widths of the frames that they stand for.
  const auto width = [&](std::size_t m) {
    return config.is_codebook() ? 1 : facts.at("feature_dims").at(m).get<int>();
  };
  DataShape shape;
  shape.length.text = facts.at("seq_lens")[0];
  shape.length.audio = facts.at("seq_lens")[1];
  shape.length.vision = facts.at("seq_lens")[2];
  shape.width.audio = width(1);
  shape.width.vision = width(2);
  constexpr const char* kTable = "weight/roberta.encoder.CE.visual_embedding.weight";  // a row for padding
  if (config.is_codebook()) config.clusters = golden.tensor(kTable).size(0) - 1;
  cenet::Cenet model(config, shape, bert_of(facts));
  load_weights(model, golden, report);  // the codebook's centres come from elsewhere: ModelInfo::is_unpublished
  for (auto& buffer : model.named_buffers())
    if (buffer.key().ends_with("_codebook.centres")) buffer.value().copy_(torch::arange(config.clusters).unsqueeze(1));
  if (facts.at("_kind") == "traj")
    check_cenet_trajectory(golden, report, model, config);
  else
    check_cenet_single(golden, report, model, config);
}

}  // namespace kuda::golden
