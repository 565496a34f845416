#pragma once
// Weights of the published Python code, in and out: state dictionaries as torch.save or safetensors write them.
//
//   import_published("SIMS.pth", "sims", config);                              // a checkpoint folder
//   export_published(load_checkpoint("run/model"), "mine.pth", {.prefix = "Model."});
//
// Read under any of these names: our own (those of ModelInfo::reference), those of ModelInfo::published_names, and all
// of them behind what a wrapper puts there: "Model." (MMSA), "module." (DataParallel), "_orig_mod." (torch.compile),
// "model." (Lightning), several of them, any other field. Left out: position_ids and the uninitialised _float_tensor of
// fairseq's position tables, whatever they hold.

#include <filesystem>
#include <map>
#include <string>

#include "kuda/checkpoint/checkpoint.h"
#include "kuda/io/safetensors.h"
#include "kuda/models/model.h"

namespace kuda {

/// The tensors of a file, recognised by content: safetensors, or torch.save's only dictionary of tensors
/// (io/weights_file.h). Throws FormatError naming file and byte.
[[nodiscard]] io::ArrayFile read_published(const std::filesystem::path& path);

/// Copies the tensors into the model, strictly. Returns the code of published_names whose names the file has, empty
/// for our own. Throws CheckpointError with the first differences: missing, unexpected, or both shapes.
std::string load_published(Model& model, const ModelInfo& info, const io::ArrayFile& file);

/// What was read, for a message.
struct ImportResult {
  std::filesystem::path folder;
  std::size_t num_tensors = 0;
  std::string names;  ///< code of published_names; empty: our own
};

/// Published weights of `config`'s model as a checkpoint folder; `task`: kMainTask, or a pretraining task, which goes
/// to OUT/TASK/model, where `pretrained = "OUT"` finds it. Widths and the text encoder come from the configuration's
/// data and encoder, and so do the lengths that the weights do not fix. Throws what Session throws, FormatError, and
/// CheckpointError; names that fit another model or task are said.
ImportResult import_published(const std::filesystem::path& path, const std::filesystem::path& out, RunConfig& config,
                              const std::string& task = kMainTask);

/// The same with everything but the weights from another checkpoint.
ImportResult import_published(const std::filesystem::path& path, const std::filesystem::path& out, Checkpoint like);

struct ExportOptions {
  std::string prefix;  ///< before every name: "Model." for MMSA
  std::string names;   ///< code of published_names; empty: our own
};

/// The model's tensors as the published code names them. A frozen encoder of text features is left out: the published
/// models read features. Throws UsageError for unknown names.
[[nodiscard]] std::map<std::string, io::Array> published_state(const Model& model, const ModelInfo& info,
                                                               const ExportOptions& options = {});

/// Writes it: safetensors where the file is called so, else what torch.load(..., weights_only=True) reads.
/// Returns the number of tensors.
std::size_t export_published(const Checkpoint& checkpoint, const std::filesystem::path& path,
                             const ExportOptions& options = {});

}  // namespace kuda
