#include "kuda/base/error.h"
#include "kuda/io/torch_zip.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

io::ArrayFile read_weights(const std::filesystem::path& folder) {
  if (const auto path = folder / "model.safetensors"; std::filesystem::exists(path)) return io::read_safetensors(path);
  if (const auto path = folder / "pytorch_model.bin"; std::filesystem::exists(path)) return io::read_torch_zip(path);
  throw CheckpointError(folder.string() + ": neither model.safetensors nor pytorch_model.bin in this folder",
                        "a text encoder is a folder in Hugging Face layout: config.json, vocab.txt and weights");
}

}  // namespace

void load_bert_weights(BertImpl& bert, const std::filesystem::path& folder) {
  LoadOptions options;
  options.rename = [](std::string_view name) -> std::string {
    if (name.starts_with("cls.") || name.ends_with("position_ids")) return {};  // other heads; a constant buffer
    if (name.starts_with("bert.")) name.remove_prefix(5);
    // TensorFlow-era files call the scale and shift of a LayerNorm gamma and beta.
    std::string renamed(name);
    for (const auto& [old_ending, new_ending] :
         {std::pair("LayerNorm.gamma", "LayerNorm.weight"), std::pair("LayerNorm.beta", "LayerNorm.bias")})
      if (name.ends_with(old_ending))
        renamed.replace(renamed.size() - std::string_view(old_ending).size(), std::string::npos, new_ending);
    return renamed;
  };
  options.may_miss = [](std::string_view name) { return name.starts_with("pooler."); };
  load_state(bert, read_weights(folder), options);
}

}  // namespace kuda
