// MISA against thuiar/MMSA.

#include "kuda/models/misa/misa.h"
#include "toolbox_case.h"

namespace kuda::golden {

void check_misa(const GoldenCase& golden, GoldenReport& report) {
  const auto& facts = golden.config();
  misa::MisaConfig config;
  config.width = facts.at("hidden_size");
  config.recurrent = value_of<RnnKind>(facts.at("rnncell").get<std::string>());
  config.similarity = facts.at("use_cmd_sim").get<bool>() ? misa::MisaConfig::Similarity::cmd
                                                          : misa::MisaConfig::Similarity::adversarial;
  config.diff_weight = facts.at("diff_weight");
  config.sim_weight = facts.at("sim_weight");
  config.recon_weight = facts.at("recon_weight");
  config.reverse_grad_weight = facts.at("reverse_grad_weight");
  config.finetune_bert = facts.at("use_finetune");
  config.dropout = config.dropout_fusion = 0;
  misa::Misa model(config, toolbox_shape(facts), bert_of(facts));
  load_weights(model, golden, report);
  const auto training = toolbox_training(facts, false);
  if (golden.metadata("kind") == "trajectory") return compare_trajectory(model, golden, report, training);

  const auto batch = system_batch(golden, report);
  Trace trace;
  model.train();  // the same numbers as in eval mode: every dropout is 0
  const auto output = model.forward(batch, &trace);
  compare_trace(golden, report, trace, "out/");
  const auto losses = model.loss(output, batch);
  report.compare("out/loss", losses.total);
  report.compare("out/loss_task", losses.terms[0].second);
  report.compare("out/loss_diff", losses.terms[1].second);
  report.compare(config.similarity == misa::MisaConfig::Similarity::cmd ? "out/loss_cmd" : "out/loss_domain",
                 losses.terms[2].second);
  report.compare("out/loss_recon", losses.terms[3].second);
  losses.total.backward();
  compare_step(model, golden, report, training);
}

}  // namespace kuda::golden
