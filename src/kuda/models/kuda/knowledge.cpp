#include "kuda/models/kuda/knowledge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/tensor.h"

namespace kuda::kuda_model {

using torch::Tensor;

bool uses_knowledge(const KudaConfig& config) {
  return config.knowledge && config.decoders && config.transfer != KudaConfig::Transfer::none;
}

bool starts_fresh(std::string_view name) {
  return name.find("pos_encoder.proj.") != std::string_view::npos || name.ends_with("pos_encoder.position_embeddings");
}

Sequence resample(const Sequence& sequence, std::int64_t length) {
  const auto source_length = sequence.values.size(1);
  const auto batch = sequence.values.size(0);
  const auto lengths = sequence.lengths.clamp(1, source_length);
  auto new_lengths = (lengths * length + source_length / 2).div(source_length, "floor").clamp(1, length);  // [B]
  // Position i of n' maps to i * (n - 1) / (n' - 1), so first and last frames stay first and last.
  const auto steps = torch::arange(length, sequence.values.options());  // [L']
  const auto scale = (lengths - 1).to(torch::kFloat32) / (new_lengths - 1).clamp_min(1).to(torch::kFloat32);
  const auto last = (lengths - 1).unsqueeze(1);                   // [B, 1]
  const auto position = steps.unsqueeze(0) * scale.unsqueeze(1);  // [B, L']
  const auto below = position.floor().to(torch::kInt64).minimum(last);
  const auto above = (below + 1).minimum(last);
  const auto share = (position - below).clamp(0, 1).unsqueeze(-1);  // [B, L', 1]
  const auto take = [&](const Tensor& index) {
    return sequence.values.gather(1, index.unsqueeze(-1).expand({batch, length, sequence.values.size(2)}));
  };
  const auto padding = torch::arange(length).unsqueeze(0) >= new_lengths.unsqueeze(1);  // [B, L']
  const auto values = (take(below) * (1 - share) + take(above) * share).masked_fill(padding.unsqueeze(-1), 0);
  return {values, padding, new_lengths, sequence.missing};
}

namespace {

bool is_trust(std::string_view name) { return name.starts_with("trust."); }

/// The table [1, L, d] stretched along time to the target's length.
Tensor stretched(const Tensor& table, std::int64_t length) {
  return torch::upsample_linear1d(table.transpose(1, 2), {length}, /*align_corners=*/true).transpose(1, 2);
}

}  // namespace

std::vector<std::string> adopt_stage1(Unimodal& module, Modality modality, const KudaConfig& config,
                                      const io::ArrayFile& state) {
  const auto prefix = fmt::format("UniEncKI.enc_{}.", kSuffix[modality]);
  const bool has_trust = !module->trust().is_empty();
  LoadOptions options;
  options.rename = [&](std::string_view name) -> std::string {
    if (name.starts_with("Model.")) name.remove_prefix(6);
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    if (name.starts_with(kBridgeName) || name.ends_with("position_ids")) return {};
    if (!has_trust && is_trust(name)) return {};
    if (name.starts_with("UniEncKI.") || name.starts_with("DyMultiFus.") || name.starts_with("CLS.")) return {};
    return std::string(name);
  };
  std::vector<std::string> skipped;
  if (has_trust && std::none_of(state.arrays.begin(), state.arrays.end(),
                                [&](const auto& entry) { return is_trust(options.rename(entry.first)); }))
    skipped.emplace_back("trust");
  const bool trusts_afresh = !skipped.empty();
  options.may_miss = [=](std::string_view name) { return trusts_afresh && is_trust(name); };
  if (config.transfer != KudaConfig::Transfer::partial) {
    load_state(*module, state, options);
    return skipped;
  }
  io::ArrayFile fitting = state;
  const auto parameters = module->named_parameters();
  for (const auto& [file_name, array] : state.arrays) {
    const auto name = options.rename(file_name);
    if (!starts_fresh(name) || !parameters.contains(name)) continue;
    const auto& target = parameters[name];
    if (target.sizes() == c10::IntArrayRef(array.shape)) continue;
    const bool is_table = name.ends_with("position_embeddings");
    if (config.interpolate_positions && is_table && array.shape.size() == 3 && array.shape[2] == target.size(2)) {
      fitting.arrays[file_name] = io::to_array(stretched(io::to_tensor(array), target.size(1)).contiguous());
      continue;
    }
    skipped.push_back(name);
  }
  // A projection's bias has no meaning without its weight, so both start fresh together.
  for (const auto& name : std::vector<std::string>(skipped))
    if (name.ends_with("proj.weight")) skipped.push_back(name.substr(0, name.size() - 6) + "bias");
  const auto is_skipped = [&](std::string_view name) {
    return std::find(skipped.begin(), skipped.end(), name) != skipped.end();
  };
  std::erase_if(fitting.arrays, [&](const auto& entry) { return is_skipped(options.rename(entry.first)); });
  options.may_miss = [&](std::string_view name) { return is_skipped(name) || (trusts_afresh && is_trust(name)); };
  load_state(*module, fitting, options);
  return skipped;
}

}  // namespace kuda::kuda_model
