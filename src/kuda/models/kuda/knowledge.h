#pragma once
// How stage 1 serves stage 2: what is frozen, what transfers between data sets, and what starts fresh.
// Source: paper section 3.2; authors' replies on external knowledge for MOSI and MOSEI (see the README).

#include <string>
#include <string_view>
#include <vector>

#include "kuda/io/safetensors.h"
#include "kuda/models/kuda/unimodal.h"

namespace kuda::kuda_model {

inline constexpr const char* kBridgeName = "bridge";

/// True when stage 1 exists and adapters and decoders are frozen in stage 2.
[[nodiscard]] bool uses_knowledge(const KudaConfig& config);

/// The tensors that depend on a data set's width or length and so cannot transfer to another:
/// ...pos_encoder.proj.{weight,bias}, ...pos_encoder.position_embeddings.
[[nodiscard]] bool starts_fresh(std::string_view name);

/// Stretches each clip's valid frames along time so that a full source length becomes `length` (linear
/// interpolation), the rest is padded. values [B, L, D] -> [B, length, D], lengths in proportion, at least 1.
[[nodiscard]] Sequence resample(const Sequence& sequence, std::int64_t length);

/// Loads a stage-1 state (published names, with or without "UniEncKI.enc_m." or "Model.") into a module. A bridge is
/// dropped. transfer = "partial": tensors of `starts_fresh` whose shapes differ keep their fresh values (or are
/// interpolated along time) and their names are returned; anything else that does not fit is a CheckpointError.
/// A trust head starts fresh, and is returned as "trust", where the state has none; a module without one drops it.
std::vector<std::string> adopt_stage1(Unimodal& module, Modality modality, const KudaConfig& config,
                                      const io::ArrayFile& state);

}  // namespace kuda::kuda_model
