#include "golden_case.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda::golden {

using torch::Tensor;

void check_bert(const GoldenCase& golden, GoldenReport& report) {
  Bert bert(BertConfig::parse(golden.config().dump(), golden.path().string()));
  bert->eval();
  load_state(*bert, golden.part("weight/"));
  report.used_prefix("weight/");
  report.used_prefix("in/");
  const auto ids = golden.tensor("in/input_ids"), segments = golden.tensor("in/token_type_ids");
  const auto mask = golden.tensor("in/attention_mask");

  std::vector<Tensor> attention;
  const auto hidden = bert->forward(ids, segments, mask == 0, &attention);
  for (std::size_t i = 0; i < hidden.size(); ++i) report.compare("out/hidden_" + std::to_string(i), hidden[i]);
  for (std::size_t i = 0; i < attention.size(); ++i) report.compare("out/attention_" + std::to_string(i), attention[i]);
  report.compare("out/last_hidden_state", hidden.back());
  const auto pooled = bert->pool(hidden.back());
  report.compare("out/pooler", pooled);

  const auto weight = mask.to(torch::kFloat32).unsqueeze(-1);
  const auto loss = (hidden.back() * golden.tensor("in/grad_weight") * weight).sum() / mask.sum() + pooled.mean();
  report.compare("out/loss", loss);
  loss.backward();
  for (const auto& item : bert->named_parameters()) report.compare("grad/" + item.key(), item.value().grad());

  // The fused path, without attention maps, must say the same.
  const auto holed = bert->forward(ids, segments, golden.tensor("in/attention_mask_hole") == 0);
  for (std::size_t i = 0; i < holed.size(); ++i) report.compare("out/hole_hidden_" + std::to_string(i), holed[i]);
  report.compare("out/hole_last_hidden_state", holed.back());
  report.compare("out/hole_pooler", bert->pool(holed.back()));
  report.compare("out/no_segments/last_hidden_state", bert->forward(ids, Tensor(), mask == 0).back());
}

}  // namespace kuda::golden
