// MulT against thuiar/MMSA and, with positions, against the authors' code.

#include "kuda/models/mult/mult.h"
#include "toolbox_case.h"

namespace kuda::golden {

void check_mult(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  const bool is_original = facts.value("variant", "") == "original";
  mult::MultConfig config;
  if (is_original) {
    config.width = facts.at("d");
    config.heads = facts.at("num_heads");
    config.kernel_text = config.kernel_audio = config.kernel_vision = 1;
    config.positions = true;
  } else {
    config.width = facts.at("dst_feature_dim_nheads").at(0);
    config.heads = facts.at("dst_feature_dim_nheads").at(1);
    config.kernel_text = facts.at("conv1d_kernel_size_l");
    config.kernel_audio = facts.at("conv1d_kernel_size_a");
    config.kernel_vision = facts.at("conv1d_kernel_size_v");
  }
  config.levels = facts.at("nlevels");
  config.causal_mask = facts.at("attn_mask");
  config.use_bert = facts.at("use_bert");
  config.dropout_text = config.dropout_attention = config.dropout_attention_audio = config.dropout_attention_vision = 0;
  config.dropout_relu = config.dropout_embedding = config.dropout_residual = config.dropout_output = 0;
  mult::Mult model(config, toolbox_shape(facts), config.use_bert ? bert_of(facts) : TextEncoder());
  load_weights(model, golden, report);
  auto training = toolbox_training(facts, false);
  if (golden.metadata("kind") == "trajectory") return compare_trajectory(model, golden, report, training);
  if (is_original) {  // the authors clip the norm
    training.clip_norm = training.clip_value;
    training.clip_value = 0;
  }

  const auto batch = system_batch(golden, report);
  Trace trace;
  model.train();  // the same numbers as in eval mode: every dropout is 0
  const auto output = model.forward(batch, &trace);
  compare_trace(golden, report, trace, "out/");
  const auto losses = model.loss(output, batch);
  report.compare("out/loss", losses.total);
  losses.total.backward();
  compare_step(model, golden, report, training);
}

}  // namespace kuda::golden
