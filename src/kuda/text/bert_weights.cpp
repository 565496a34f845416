#include <fmt/format.h>

#include <optional>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/io/weights_folder.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// TensorFlow-era files call the scale and shift of a LayerNorm gamma and beta.
std::string modern(std::string name) {
  for (const auto& [old_ending, new_ending] :
       {std::pair("LayerNorm.gamma", "LayerNorm.weight"), std::pair("LayerNorm.beta", "LayerNorm.bias")})
    if (name.ends_with(old_ending))
      name.replace(name.size() - std::string_view(old_ending).size(), std::string::npos, new_ending);
  return name;
}

/// What stands before the encoder's own names: "", "bert.", "module.bert.", whatever a wrapper put there. Nothing where
/// the file holds no word embeddings, or more than one.
std::optional<std::string> prefix_of(const io::ArrayFile& file) {
  constexpr std::string_view kTable = "embeddings.word_embeddings.weight";
  std::optional<std::string> prefix;
  for (const auto& [name, array] : file.arrays) {
    if (name != kTable && !name.ends_with("." + std::string(kTable))) continue;
    if (prefix) return std::nullopt;
    prefix = name.substr(0, name.size() - kTable.size());
  }
  return prefix;
}

}  // namespace

void load_bert_weights(BertImpl& bert, const fs::path& folder) {
  const auto file = io::read_weights_folder(
      folder, "a text encoder is a folder in Hugging Face layout: config.json, vocab.txt and weights");
  const auto prefix = prefix_of(file).value_or("");
  std::vector<std::string> others;  // heads of other tasks
  LoadOptions options;
  options.rename = [&](std::string_view name) -> std::string {
    if (name.ends_with("position_ids")) return {};  // a constant buffer
    if (!name.starts_with(prefix) || name.starts_with("cls.")) {
      others.emplace_back(name);
      return {};
    }
    const auto own = name.substr(prefix.size());
    if (prefix.empty() && !own.starts_with("embeddings.") && !own.starts_with("encoder.") &&
        !own.starts_with("pooler.")) {
      others.emplace_back(name);
      return {};
    }
    return modern(std::string(own));
  };
  options.may_miss = [](std::string_view name) { return name.starts_with("pooler."); };
  try {
    load_state(bert, file, options);
  } catch (const CheckpointError& error) {  // of the folder, as all that is wrong with an encoder
    throw DataError(error.message(), error.hint());
  }
  if (!others.empty())
    log_info("{}: {} tensors beside the encoder are left out: {}{}", file.path.string(), others.size(),
             join({others.begin(), others.begin() + std::ptrdiff_t(std::min<std::size_t>(others.size(), 4))}),
             others.size() > 4 ? ", ..." : "");
}

}  // namespace kuda
