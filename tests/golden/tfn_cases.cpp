// TFN against thuiar/MMSA: forward, gradients, one step, a trajectory.

#include "kuda/models/tfn/tfn.h"
#include "toolbox_case.h"

namespace kuda::golden {

void check_tfn(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  tfn::TfnConfig config;
  const auto hidden = facts.at("hidden_dims").get<std::vector<std::int64_t>>();  // text, audio, vision
  config.text_hidden = hidden.at(0);
  config.audio_hidden = hidden.at(1);
  config.vision_hidden = hidden.at(2);
  config.text_out = facts.at("text_out");
  config.post_fusion = facts.at("post_fusion_dim");
  config.dropout_text = config.dropout_vision = config.dropout_audio = config.dropout_fusion = 0;
  if (is_classification(facts)) config.outputs = facts.at("num_classes");
  tfn::Tfn model(config, toolbox_shape(facts), TextEncoder());
  load_weights(model, golden, report);
  check_means_case(model, golden, report, toolbox_training(facts, false));
}

}  // namespace kuda::golden
