// Golden cases of Self-MM: word-aligned and unaligned data, frozen text encoder, trajectory over two epochs.

#include "kuda/models/self_mm/self_mm.h"
#include "multitask_case.h"

namespace kuda::golden {

void check_self_mm(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  self_mm::SelfMmConfig config;
  read_multitask(facts, config);
  config.audio_out = facts.at("audio_out");
  config.vision_out = facts.at("video_out");
  config.dropout_audio_lstm = facts.at("a_lstm_dropout");
  config.dropout_vision_lstm = facts.at("v_lstm_dropout");
  config.lengths_of_text = facts.at("need_data_aligned");
  const auto widths = facts.at("feature_dims");  // text, audio, vision
  DataShape shape;
  shape.length.text = facts.at("seq_lens")[0];
  shape.length.audio = facts.at("seq_lens")[1];
  shape.length.vision = facts.at("seq_lens")[2];
  shape.width.audio = widths[1];
  shape.width.vision = widths[2];
  self_mm::SelfMm model(config, shape, bert_of(facts));
  load_weights(model, golden, report);
  if (facts.at("_kind") == "traj") return check_multitask_trajectory(golden, report, model);
  Trace trace;
  check_multitask_single(golden, report, model, trace);
}

}  // namespace kuda::golden
