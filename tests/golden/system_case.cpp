#include "system_case.h"

#include <fmt/format.h>

#include <cctype>
#include <cmath>

#include "kuda/runs/published_weights.h"
#include "kuda/tensor/tensor.h"

namespace kuda::golden {

using torch::Tensor;

namespace {

Sequence sequence_of(const GoldenCase& golden, GoldenReport& report, const std::string& key) {
  Sequence sequence;
  sequence.values = golden.tensor(key);
  report.used(key);
  const auto frames = sequence.values.size(1);
  sequence.lengths = torch::full({sequence.values.size(0)}, frames, torch::kInt64);
  if (golden.has(key + "_lengths")) {
    sequence.lengths = golden.tensor(key + "_lengths").to(torch::kInt64);
    report.used(key + "_lengths");
  }
  sequence.padding = torch::arange(frames).unsqueeze(0) >= sequence.lengths.unsqueeze(1);
  sequence.missing = torch::zeros({sequence.values.size(0)}, torch::kBool);
  return sequence;
}

}  // namespace

Batch system_batch(const GoldenCase& golden, GoldenReport& report, const std::string& prefix) {
  Batch batch;
  if (golden.has(prefix + "text")) {
    const auto text = golden.tensor(prefix + "text");
    report.used(prefix + "text");
    if (text.dim() == 3 && text.size(1) == 3 && golden.config().contains("bert")) {
      const auto ids = text.to(torch::kInt64);
      batch.text_ids = ids.select(1, 0).contiguous();
      batch.text_padding = ids.select(1, 1) == 0;
      batch.text_segments = ids.select(1, 2).contiguous();
    } else {
      batch.text_features.values = text;
      batch.text_features.lengths = torch::full({text.size(0)}, text.size(1), torch::kInt64);
      batch.text_features.padding = torch::zeros({text.size(0), text.size(1)}, torch::kBool);
      batch.text_features.missing = torch::zeros({text.size(0)}, torch::kBool);
    }
  }
  if (golden.has(prefix + "vision")) batch.vision = sequence_of(golden, report, prefix + "vision");
  if (golden.has(prefix + "audio")) batch.audio = sequence_of(golden, report, prefix + "audio");
  batch.label = golden.tensor(prefix + "labels").reshape({-1}).to(torch::kFloat32);
  report.used(prefix + "labels");
  for (std::int64_t i = 0; i < batch.label.size(0); ++i) {
    batch.ids.push_back(std::to_string(i));
    batch.rows.push_back(i);
  }
  if (golden.has(prefix + "index")) {
    const auto index = golden.tensor(prefix + "index").to(torch::kInt64);
    report.used(prefix + "index");
    for (std::int64_t i = 0; i < index.size(0); ++i) batch.rows[std::size_t(i)] = index[i].item<std::int64_t>();
  }
  return batch;
}

std::vector<std::vector<std::int64_t>> steps_of(const Tensor& pass) {
  std::vector<std::vector<std::int64_t>> steps;
  for (std::int64_t step = 0; step < pass.size(0); ++step) {
    std::vector<std::int64_t> positions;
    for (std::int64_t i = 0; i < pass.size(1); ++i)
      if (const auto at = pass[step][i].item<std::int64_t>(); at >= 0) positions.push_back(at);
    if (!positions.empty()) steps.push_back(positions);
  }
  return steps;
}

std::string lower(std::string name) {
  for (auto& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return name;
}

Tensor gradient_norm(const torch::nn::Module& module) {
  auto sum = torch::zeros({}, torch::kFloat64);
  for (const auto& parameter : module.parameters())
    if (parameter.grad().defined()) sum += parameter.grad().to(torch::kFloat64).square().sum();
  return sum.sqrt();
}

TextEncoder bert_of(const nlohmann::json& facts) {
  TextEncoder text;
  const auto& bert = facts.at("bert");
  text.bert.vocab_size = bert.at("vocab_size");
  text.bert.hidden_size = bert.at("hidden_size");
  text.bert.num_hidden_layers = bert.at("num_hidden_layers");
  text.bert.num_attention_heads = bert.at("num_attention_heads");
  text.bert.intermediate_size = bert.at("intermediate_size");
  text.bert.max_position_embeddings = bert.at("max_position_embeddings");
  text.bert.type_vocab_size = bert.value("type_vocab_size", 2);
  text.bert.layer_norm_eps = bert.value("layer_norm_eps", 1e-12);
  text.bert.dropout = 0;
  return text;
}

void load_weights(Model& model, const GoldenCase& golden, GoldenReport& report) {
  const auto& info = find_model(golden.path().parent_path().filename().string());
  const auto stored = golden.part("weight/");
  load_published(model, info, golden.weights().empty() ? stored : read_published(golden.weights()));
  report.used_prefix("weight/");
  auto written = published_state(model, info);
  for (const auto& [name, array] : stored.arrays) {
    if (info.is_unused && info.is_unused(name)) continue;
    const auto found = written.find(name);
    const bool is_constant = name.ends_with("_float_tensor");  // uninitialised memory in the reference
    if (found == written.end() || found->second.describe() != array.describe() ||
        (!is_constant && !torch::equal(io::to_tensor(found->second), io::to_tensor(array))))
      report.expect("weight/" + name, false, "not written as it was read");
    if (found != written.end()) written.erase(found);
  }
  for (const auto& entry : written)
    report.expect("weight/" + entry.first, false, "written, but the reference has none");
}

namespace {

void compare_packed_bias(const GoldenCase& golden, GoldenReport& report, const std::string& key, const Tensor& value,
                         const Tensor& before, double bound) {
  const auto stored = golden.tensor(key).chunk(3), found = value.chunk(3);
  const auto move = (found[1] - before.chunk(3)[1]).abs().max().item<double>();
  const bool is_bounded = std::isfinite(move) && move <= bound;
  report.compare(key, torch::cat({found[0], is_bounded ? stored[1] : found[1], found[2]}));
  for (const std::size_t part : {0, 2})
    report.expect(fmt::format("{}[{}]", key, part == 0 ? "query" : "value"),
                  torch::allclose(found[part], stored[part], 0, 1e-5), "the parts that are not noise");
}

}  // namespace

void compare_state(const GoldenCase& golden, GoldenReport& report, const torch::nn::Module& module,
                   const std::string& prefix, double bound) {
  const auto compare = [&](const std::string& name, const Tensor& value) {
    const auto key = prefix + name;
    if (golden.has(key) && bound > 0 && name.ends_with("in_proj_bias"))
      compare_packed_bias(golden, report, key, value, golden.tensor("weight/" + name), bound);
    else if (golden.has(key))
      report.compare(key, value);
    else if (golden.has("weight/" + name) && !torch::equal(value, golden.tensor("weight/" + name)))
      report.expect(key, false, "moved, but the file holds no change of it");
  };
  for (const auto& item : module.named_parameters()) compare(item.key(), item.value().detach());
  for (const auto& item : module.named_buffers()) compare(item.key(), item.value());
}

void compare_gradients(GoldenReport& report, const GoldenCase& golden, const torch::nn::Module& module) {
  for (const auto& item : module.named_parameters()) {
    const auto key = "grad/" + item.key();
    if (golden.has(key))
      report.compare(key, item.value().grad());
    else if (item.value().grad().defined())
      report.expect(key, false, "the reference has no gradient here");
  }
}

}  // namespace kuda::golden
