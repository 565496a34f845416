// Golden cases of KuDA: stage 1 per modality, stage 2 in both profiles, ablations, subsets, trajectory.

#include <fmt/format.h>

#include <functional>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "kuda/checkpoint/schedule.h"
#include "kuda/models/kuda/kuda.h"
#include "kuda/tensor/state_dict.h"
#include "system_case.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

constexpr std::array<char, 3> kLetters{'T', 'V', 'A'};

struct Setting {
  kuda_model::KudaConfig config;
  DataShape shape;
  TextEncoder text;
};

Setting setting_of(const GoldenCase& golden) {
  const auto& facts = golden.config();
  const auto& dims = facts.at("dims_cfg");
  Setting setting;
  auto& config = setting.config;
  config.ratio = facts.value("ratio_fn", "gauss") == "inverse" ? kuda_model::KudaConfig::Ratio::inverse
                                                               : kuda_model::KudaConfig::Ratio::gaussian;
  config.ratio_place = value_of<kuda_model::KudaConfig::RatioPlace>(facts.value("ratio_place", "pre"));
  const bool is_paper = facts.value("profile", "released") == "paper";
  config.ratio_at_test =
      is_paper ? kuda_model::KudaConfig::RatioAtTest::one : kuda_model::KudaConfig::RatioAtTest::none;
  config.k = facts.value("k", 0.1);
  config.task_loss = value_of<kuda_model::KudaConfig::TaskLoss>(facts.value("task_loss", "mse"));
  config.lambda = facts.value("nce_weight", 0.1);
  config.adapter_layers = dims.at("inject_layers").get<std::vector<std::int64_t>>();
  config.adapter_depth = dims.at("bert_layers");
  config.sequence_width = dims.at("va_hidden");
  config.sequence_layers = dims.at("va_layers");
  config.sequence_heads = dims.at("va_heads");
  config.sequence_adapters = dims.at("va_adapters");
  config.adapter_heads = dims.at("adapter_heads");
  config.adapter_depth_inner = dims.at("adapter_layers");
  config.width = dims.at("hidden");
  config.heads = dims.at("heads");
  config.head_width = dims.at("dim_head");
  config.feed_forward = dims.at("ffn");
  config.blocks = dims.at("blocks");
  config.output_widths = dims.at("cls").get<std::vector<std::int64_t>>();
  config.adapters = !dims.value("no_adapter", false);
  config.dropout_text = config.dropout_sequence = config.dropout_adapter = config.dropout_fusion = 0;

  auto& bert = setting.text.bert;
  bert.vocab_size = dims.at("vocab");
  bert.hidden_size = dims.at("bert_hidden");
  bert.num_hidden_layers = dims.at("bert_layers");
  bert.num_attention_heads = dims.at("bert_heads");
  bert.intermediate_size = dims.at("bert_ffn");
  bert.max_position_embeddings = dims.at("max_pos");
  bert.type_vocab_size = dims.at("type_vocab");

  const auto lengths = dims.at("seq_lens"), widths = dims.at("dims");
  setting.shape.length.text = lengths[0];
  setting.shape.length.vision = lengths[1];
  setting.shape.length.audio = lengths[2];
  setting.shape.width.vision = widths[1];
  setting.shape.width.audio = widths[2];
  return setting;
}

/// Rows [begin, end) of the stored inputs.
Batch batch_of(const GoldenCase& golden, GoldenReport& report, std::int64_t begin, std::int64_t end) {
  Batch batch;
  std::int64_t total = 0;
  const auto rows = [&](const Tensor& x) { return x.slice(0, begin, end); };
  if (golden.has("in/text")) {
    const auto text = golden.tensor("in/text").to(torch::kInt64);  // [B, 3, L]
    total = text.size(0);
    batch.text_ids = rows(text.select(1, 0));
    batch.text_padding = rows(text.select(1, 1)) == 0;
    batch.text_segments = rows(text.select(1, 2));
    report.used("in/text");
  }
  for (const std::string name : {"vision", "audio"}) {
    if (!golden.has("in/" + name)) continue;
    const auto values = golden.tensor("in/" + name), lengths = golden.tensor("in/" + name + "_lengths");
    const auto padding = golden.tensor("in/" + name + "_padding_mask") != 0;
    const auto from_lengths = torch::arange(values.size(1)).unsqueeze(0) >= lengths.clamp_min(1).unsqueeze(1);
    report.expect("in/" + name + "_lengths", torch::equal(padding, from_lengths), "mask from the lengths");
    report.used("in/" + name);
    report.used("in/" + name + "_padding_mask");
    (name == "vision" ? batch.vision : batch.audio) = {rows(values), rows(padding), rows(lengths), Tensor()};
    total = values.size(0);
  }
  if (golden.has("in/label_M")) batch.label = rows(golden.tensor("in/label_M")).squeeze(1);
  report.used_prefix("in/label_");  // the unimodal labels belong to stage 1 and are stored for completeness in stage 2
  for (std::int64_t i = begin; i < std::min(end, total); ++i) batch.ids.push_back(std::to_string(i));
  return batch;
}

torch::optim::AdamW adamw(Model& model, double lr, double weight_decay) {
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (auto& group : model.parameter_groups()) groups.emplace_back(group.parameters);
  return torch::optim::AdamW(groups, torch::optim::AdamWOptions(lr).weight_decay(weight_decay));
}

/// True when the stored step left every parameter where it was: the reference stepped in epoch 1 of the released
/// schedule, whose learning rate is 0. The stage-1 files are such; those of stage 2 step at the nominal rate.
bool stepped_at_rate_zero(const GoldenCase& golden) {
  for (const auto& key : golden.keys("step/"))
    if (!torch::equal(golden.tensor(key), golden.tensor("weight/" + key.substr(5)))) return false;
  return true;
}

/// First AdamW step in closed form from the stored gradient: m / sqrt(v) = g / |g| after bias correction.
Tensor closed_form_step(const Tensor& weight, const Tensor& grad, double lr, double weight_decay) {
  return weight * (1 - lr * weight_decay) - lr * grad / (grad.abs() + 1e-8);
}

void compare_step(GoldenReport& report, const GoldenCase& golden, Model& model) {
  const double lr = golden.config().at("lr"), weight_decay = golden.config().at("weight_decay");
  const bool is_rate_zero = stepped_at_rate_zero(golden);
  if (is_rate_zero) {
    adamw(model, 0, weight_decay).step();
    for (const auto& item : model.named_parameters())
      if (golden.has("step/" + item.key())) report.compare_step(item.key(), item.value(), 0, weight_decay);
  }
  adamw(model, lr, weight_decay).step();
  for (const auto& item : model.named_parameters()) {
    const auto& name = item.key();
    const auto weight = golden.tensor("weight/" + name);
    if (!golden.has("step/" + name)) {
      report.expect("step/" + name, torch::equal(item.value(), weight), "unchanged");
    } else if (is_rate_zero) {
      const auto grad = golden.tensor("grad/" + name);
      const auto error = (item.value() - closed_form_step(weight, grad, lr, weight_decay)).abs();
      // As compare_step: elements whose gradient is rounding noise have no defined direction.
      const auto holds = torch::logical_or(grad.abs() < 1e-6, error <= (2.4e-7 * weight.abs()).clamp_min(5e-7));
      report.expect("step/" + name, holds.all().item<bool>(), "closed form at the nominal rate");
    } else {
      report.compare_step(name, item.value(), lr, weight_decay);
    }
  }
}

void check_stage1(const GoldenCase& golden, GoldenReport& report) {
  const auto setting = setting_of(golden);
  const auto kind = golden.config().at("kind").get<std::string>();
  const auto modality = modality_from(std::string(1, static_cast<char>(std::toupper(kind.back()))));
  kuda_model::KudaUnimodal model(modality, setting.config, setting.shape, setting.shape, setting.text);
  load_weights(model, golden, report);
  auto batch = batch_of(golden, report, 0, golden.config().at("batch"));
  batch.label = golden.tensor(fmt::format("in/label_{}", letter(modality))).squeeze(1);
  model.eval();
  {
    const torch::NoGradGuard no_grad;
    report.compare("out/eval_uni_pred", model.forward(batch, nullptr).score);
  }
  model.train();
  Trace trace;
  const auto output = model.forward(batch, &trace);
  for (const auto& key : golden.keys("out/"))
    if (trace.has(key.substr(4))) report.compare(key, trace.at(key.substr(4)));
  const auto losses = model.loss(output, batch);
  report.compare("out/loss", losses.total);
  losses.total.backward();
  compare_gradients(report, golden, model);
  compare_step(report, golden, model);
}

/// Builds, loads and runs stage 2 once; `prefix` is where the stored outputs lie.
struct Run {
  std::unique_ptr<kuda_model::Kuda> model;
  Batch batch;
  Trace trace;
  Losses losses;
};

Run run_stage2(const GoldenCase& golden, GoldenReport& report, const kuda_model::KudaConfig& config, bool train,
               const std::function<void(Batch&)>& edit = {}) {
  auto setting = setting_of(golden);
  Run run;
  run.model = std::make_unique<kuda_model::Kuda>(config, setting.shape, setting.text);
  // An ablation's graph lacks some of the stored weights; the full graph must know every one of them.
  if (config.fusion == kuda_model::KudaConfig::FusionKind::dynamic && config.decoders) {
    load_weights(*run.model, golden, report);
  } else {
    LoadOptions options;
    options.may_ignore = [](std::string_view) { return true; };
    load_state(*run.model, golden.part("weight/"), options);
  }
  run.batch = batch_of(golden, report, 0, golden.config().at("batch"));
  if (edit) edit(run.batch);
  run.model->train(train);
  const auto output = run.model->forward(run.batch, &run.trace);
  run.losses = run.model->loss(output, run.batch);
  return run;
}

void check_reading(const GoldenCase& golden, GoldenReport& report, const std::string& reading) {
  // "alt_gauss_pre": the ratio function and its place.
  auto config = setting_of(golden).config;
  const bool is_gaussian = reading.find("gauss") != std::string::npos;
  config.ratio = is_gaussian ? kuda_model::KudaConfig::Ratio::gaussian : kuda_model::KudaConfig::Ratio::inverse;
  config.ratio_place =
      reading.ends_with("pre") ? kuda_model::KudaConfig::RatioPlace::pre : kuda_model::KudaConfig::RatioPlace::post;
  const auto run = run_stage2(golden, report, config, true);
  const auto prefix = "out/" + reading + "/";
  report.compare(prefix + "pred", run.trace.at("pred"));
  report.compare(prefix + "loss", run.losses.total);
  report.compare(prefix + "loss_task", run.losses.terms[0].second);
  report.compare(prefix + "nce", run.trace.at("nce"));
  for (const char letter : kLetters)
    report.compare(fmt::format("{}ratio/{}", prefix, letter), run.trace.at(fmt::format("ratio/{}", letter)));
}

std::set<std::string> variants(const GoldenCase& golden) {
  std::set<std::string> names;
  for (const auto& key : golden.keys("out/")) {
    const auto name = key.substr(4, key.find('/', 4) - 4);
    if (name == "base" || name.starts_with("wo_") || name.starts_with("mods_") || name.starts_with("alt_"))
      names.insert(name);
  }
  return names;
}

void check_variant(const GoldenCase& golden, GoldenReport& report, const std::string& name) {
  auto config = setting_of(golden).config;
  if (name == "wo_sr") config.ratio = kuda_model::KudaConfig::Ratio::none;
  if (name == "wo_ce") config.lambda = 0;
  if (name == "wo_daf") config.fusion = kuda_model::KudaConfig::FusionKind::addition;
  if (name == "wo_adapter") config.adapters = false;
  if (name == "wo_eki") config.adapters = config.decoders = false;
  const auto edit = [&](Batch& batch) {
    if (!name.starts_with("mods_")) return;
    const auto kept = name.substr(5);
    if (kept.find('t') == std::string::npos) batch.text_ids = batch.text_padding = batch.text_segments = Tensor();
    if (kept.find('v') == std::string::npos) batch.vision = {};
    if (kept.find('a') == std::string::npos) batch.audio = {};
  };
  const auto prefix = "out/" + name + "/";
  for (const bool train : {true, false}) {
    const auto run = run_stage2(golden, report, config, train, edit);
    for (const std::string part : {"pred", "F", "nce"})
      if (const auto key = prefix + (train ? "train_" : "eval_") + part; golden.has(key))
        report.compare(key, run.trace.at(part));
    if (!train) continue;
    if (golden.has(prefix + "loss")) report.compare(prefix + "loss", run.losses.total);
    if (golden.has(prefix + "loss_task")) report.compare(prefix + "loss_task", run.losses.terms[0].second);
    for (const char letter : kLetters)
      if (const auto key = fmt::format("{}ratio/{}", prefix, letter); golden.has(key))
        report.compare(key, run.trace.at(fmt::format("ratio/{}", letter)));
  }
}

void check_stage2(const GoldenCase& golden, GoldenReport& report) {
  const bool train = golden.config().at("kind") == "kmsa_train";
  for (const auto& name : variants(golden)) {
    if (name.starts_with("alt_"))
      check_reading(golden, report, name);
    else
      check_variant(golden, report, name);
  }
  if (!golden.has("out/pred")) return;
  auto run = run_stage2(golden, report, setting_of(golden).config, train);
  for (const auto& key : golden.keys("out/"))
    if (run.trace.has(key.substr(4))) report.compare(key, run.trace.at(key.substr(4)));
  report.compare("out/loss_task", run.losses.terms[0].second);
  if (!train) return;
  report.compare("out/loss", run.losses.total);
  run.losses.total.backward();
  compare_gradients(report, golden, *run.model);
  compare_step(report, golden, *run.model);
}

void check_trajectory(const GoldenCase& golden, GoldenReport& report) {
  const auto setting = setting_of(golden);
  const auto& facts = golden.config();
  const std::int64_t samples = facts.at("samples"), batch_size = facts.at("batch"), epochs = facts.at("run_epochs");
  kuda_model::Kuda model(setting.config, setting.shape, setting.text);
  load_weights(model, golden, report);
  const double base_lr = facts.at("lr");
  auto optimizer = adamw(model, base_lr, facts.at("weight_decay"));
  std::vector<double> rates;
  std::vector<Tensor> losses, tasks, contrastive;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const double lr = learning_rate(Schedule::released, base_lr, epoch, facts.at("n_epochs"));
    for (auto& group : optimizer.param_groups()) group.options().set_lr(lr);
    model.train();
    for (std::int64_t begin = 0; begin < samples; begin += batch_size) {
      const auto batch = batch_of(golden, report, begin, begin + batch_size);
      const auto loss = model.loss(model.forward(batch, nullptr), batch);
      optimizer.zero_grad();
      loss.total.backward();
      optimizer.step();
      rates.push_back(lr);
      losses.push_back(loss.total.detach());
      tasks.push_back(loss.terms[0].second.detach());
      contrastive.push_back(loss.terms[1].second.detach());
    }
    const auto prefix = fmt::format("out/epoch{}/", epoch + 1);
    const torch::NoGradGuard no_grad;
    model.eval();
    report.compare(prefix + "eval_pred", model.forward(batch_of(golden, report, 0, samples), nullptr).score);
    for (const auto& item : model.named_parameters())
      if (const auto key = prefix + "state/" + item.key(); golden.has(key)) report.compare(key, item.value());
  }
  report.compare("out/lr", torch::tensor(rates, torch::kFloat64));
  report.compare("out/loss", torch::stack(losses));
  report.compare("out/loss_task", torch::stack(tasks));
  report.compare("out/nce", torch::stack(contrastive));
}

}  // namespace

void check_kuda(const GoldenCase& golden, GoldenReport& report) {
  if (golden.metadata("reference").find("BertModel, eager") != std::string::npos) return check_bert(golden, report);
  const auto kind = golden.config().value("kind", "");
  if (kind.starts_with("unipretrain_")) return check_stage1(golden, report);
  if (kind == "kmsa_train" || kind == "kmsa_eval") return check_stage2(golden, report);
  if (kind == "trajectory") return check_trajectory(golden, report);
  throw DataError(fmt::format("{}: unknown kind of KuDA case \"{}\"", golden.path().string(), kind));
}

}  // namespace kuda::golden
