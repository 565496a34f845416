// Golden cases of TETFN: word-aligned data, pooled data, frames whose first channel is 0, trajectory over two epochs.

#include "kuda/models/tetfn/tetfn.h"
#include "multitask_case.h"

namespace kuda::golden {

void check_tetfn(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  tetfn::TetfnConfig config;
  read_multitask(facts, config);
  config.width = facts.at("dst_feature_dims");
  config.heads = facts.at("nheads");
  config.kernel_text = facts.at("conv1d_kernel_size_l");
  config.kernel_audio = facts.at("conv1d_kernel_size_a");
  config.dropout_attention = config.dropout_attention_audio = config.dropout_attention_vision = 0;
  config.dropout_relu = config.dropout_embedding = config.dropout_residual = 0;
  config.pool_to_text = facts.at("need_model_aligned");
  DataShape shape;
  shape.length.text = facts.at("seq_lens")[0];
  shape.length.audio = facts.at("seq_lens")[1];
  shape.length.vision = facts.at("seq_lens")[2];
  shape.width.audio = facts.at("feature_dims")[1];
  shape.width.vision = facts.at("feature_dims")[2];
  tetfn::Tetfn model(config, shape, bert_of(facts));
  load_weights(model, golden, report);
  if (facts.at("_kind") == "traj") return check_multitask_trajectory(golden, report, model);
  Trace trace;
  check_multitask_single(golden, report, model, trace);
  for (const auto& key : golden.keys("out/aligned_")) report.compare(key, trace.at(key.substr(4)));
}

}  // namespace kuda::golden
