// LMF against thuiar/MMSA: forward, gradients, one step, a trajectory.

#include "kuda/models/lmf/lmf.h"
#include "toolbox_case.h"

namespace kuda::golden {

void check_lmf(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  lmf::LmfConfig config;
  const auto hidden = facts.at("hidden_dims").get<std::vector<std::int64_t>>();  // text, audio, vision
  config.text_hidden = hidden.at(0);
  config.audio_hidden = hidden.at(1);
  config.vision_hidden = hidden.at(2);
  config.rank = facts.at("rank");
  config.factor_lr = facts.at("factor_lr");
  config.dropout_text = config.dropout_vision = config.dropout_audio = 0;
  if (is_classification(facts)) config.outputs = facts.at("num_classes");
  lmf::Lmf model(config, toolbox_shape(facts), TextEncoder());
  load_weights(model, golden, report);
  check_means_case(model, golden, report, toolbox_training(facts, true));
}

}  // namespace kuda::golden
