#include "kuda/models/kuda/knowledge.h"
#include "kuda/models/kuda/kuda.h"

namespace kuda::kuda_model {
namespace {

const KudaConfig& as_kuda(const ModelConfig& config) { return dynamic_cast<const KudaConfig&>(config); }

std::vector<PretrainTask> pretrain_tasks(const ModelConfig& config, const DataShape& target, const DataShape& source,
                                         const TextEncoder& text) {
  std::vector<PretrainTask> tasks;
  if (!uses_knowledge(as_kuda(config))) return tasks;
  for (const auto modality : kModalities) {
    if (!target.present[modality] || !source.present[modality]) continue;
    // A bridge leads to the target's shape and is not saved; without one the model has the source's.
    const auto& shape = as_kuda(config).transfer == KudaConfig::Transfer::bridge ? target : source;
    tasks.push_back({std::string(modality_name(modality)), modality, shape,
                     [=, copy = as_kuda(config)]() -> std::shared_ptr<Model> {
                       return std::make_shared<KudaUnimodal>(modality, copy, target, source, text);
                     }});
  }
  return tasks;
}

}  // namespace

ModelInfo info() {
  ModelInfo info;
  info.name = "kuda";
  info.title = "KuDA";
  info.paper = "Feng et al., Findings of EMNLP 2024";
  info.kind = "dynamic";
  info.year = 2024;
  info.text = TextInput::tokens;
  info.uses_unimodal_labels = true;
  info.reference = "MKMaS-GUET/KuDA e60ef6b (MIT)";
  info.features = {{"text", "u/T"}, {"vision", "u/V"}, {"audio", "u/A"}, {"fused", "f"}};  // of eq. 12
  info.is_unpublished = [](std::string_view name) {
    return name.find(".trust.") != std::string_view::npos || name.starts_with("trust.") || name.starts_with("score_");
  };
  info.idle_parameters = {"model.pooler."};
  info.profiles = {
      {"paper",
       "what the paper says",
       {"kuda.ratio=inverse", "kuda.ratio_place=post", "kuda.ratio_at_test=one", "kuda.task_loss=mae"}},
      {"released",
       "what the authors' code computes, its padding masks included",
       {"kuda.ratio=gaussian", "kuda.ratio_place=pre", "kuda.ratio_at_test=none", "kuda.task_loss=mse", "kuda.k=0.1",
        "kuda.lambda=0.1", "kuda.blocks=3", "kuda.adapter_layers=[3, 6, 9, 11]", "kuda.adapter_depth=12",
        "data.mask=released"}},
      {"masked",
       "the paper's graph with padding left out everywhere: padding never changes a score",
       {"kuda.ratio=inverse", "kuda.ratio_place=post", "kuda.ratio_at_test=one", "kuda.task_loss=mae",
        "kuda.mask_decoder_mean=true", "kuda.mask_alignment=true", "kuda.mask_fusion=true"}},
      {"selecting",
       "ours: masked, with a ratio that is predicted, so that it acts in tests and weighs the decoders' scores",
       {"kuda.ratio_from=predicted", "kuda.ratio=exponential", "kuda.k=6", "kuda.ratio_place=post",
        "kuda.ratio_at_test=one", "kuda.score=both", "kuda.trust_target=label", "kuda.trust_weight=0.3",
        "kuda.trust_pretrain_weight=0.5", "kuda.task_loss=mae", "kuda.mask_decoder_mean=true",
        "kuda.mask_alignment=true", "kuda.mask_fusion=true"}},
  };
  info.set_makers<Kuda, KudaConfig>();
  info.pretrain_tasks = pretrain_tasks;
  info.adopt = [](Model& model, const ModelConfig& config, const PretrainTask& task, const io::ArrayFile& state) {
    return adopt_stage1(dynamic_cast<Kuda&>(model).unimodal(task.modality), task.modality, as_kuda(config), state);
  };
  return info;
}

}  // namespace kuda::kuda_model
