#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/io/weights_file.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// The parts of a large file, as its index names them: {"weight_map": {tensor: file}}.
io::ArrayFile read_parts(const fs::path& index) {
  const auto json = nlohmann::json::parse(read_file(index), nullptr, /*allow_exceptions=*/false);
  const auto map = json.is_object() ? json.value("weight_map", nlohmann::json()) : nlohmann::json();
  if (!map.is_object() || map.empty())
    throw CheckpointError(index.string() + ": weight_map: expected an object of tensors and their files");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.items()) {
    const auto name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || fs::path(name).filename() != name)
      throw CheckpointError(fmt::format("{}: weight_map: {}: expected a file of this folder, found {}", index.string(),
                                        tensor, file.dump().substr(0, 60)));
    names.insert(name);
  }
  io::ArrayFile all;
  all.path = index;
  for (const auto& name : names) {
    const auto path = index.parent_path() / name;
    if (!fs::exists(path))
      throw CheckpointError(fmt::format("{}: the part {} is not in this folder", index.string(), name),
                            "copy all parts that the index names");
    auto part = io::read_weights(path);
    for (auto& [tensor, array] : part.arrays) all.arrays.insert_or_assign(tensor, std::move(array));
  }
  for (const auto& [tensor, file] : map.items())
    if (!all.arrays.contains(tensor))
      throw CheckpointError(fmt::format("{}: the tensor {} is not in {}", index.string(), tensor, file.dump()));
  return all;
}

io::ArrayFile weights_of(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (const auto path = folder / name; fs::exists(path)) return io::read_weights(path);
    if (const auto path = folder / (std::string(name) + ".index.json"); fs::exists(path)) return read_parts(path);
  }
  throw CheckpointError(folder.string() + ": neither model.safetensors nor pytorch_model.bin in this folder",
                        "a text encoder is a folder in Hugging Face layout: config.json, vocab.txt and weights");
}

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
  const auto file = weights_of(folder);
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
  load_state(bert, file, options);
  if (!others.empty())
    log_info("{}: {} tensors beside the encoder are left out: {}{}", file.path.string(), others.size(),
             join({others.begin(), others.begin() + std::ptrdiff_t(std::min<std::size_t>(others.size(), 4))}),
             others.size() > 4 ? ", ..." : "");
}

}  // namespace kuda
