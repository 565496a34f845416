#include "kuda/io/weights_folder.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/weights_file.h"

namespace kuda::io {
namespace {

namespace fs = std::filesystem;

/// The parts of a large file, as its index names them: {"weight_map": {tensor: file}}.
ArrayFile read_parts(const fs::path& index) {
  const auto root = nlohmann::json::parse(read_file(index), nullptr, /*allow_exceptions=*/false);
  const auto map = root.is_object() ? root.value("weight_map", nlohmann::json()) : nlohmann::json();
  if (!map.is_object() || map.empty())
    throw DataError(index.string() + ": weight_map: expected an object of tensors and their files");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.items()) {
    const auto name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || fs::path(name).filename() != name)
      throw DataError(fmt::format("{}: weight_map: {}: expected a file of this folder, found {}", index.string(),
                                  tensor, file.dump().substr(0, 60)));
    names.insert(name);
  }
  ArrayFile all;
  all.path = index;
  for (const auto& name : names) {
    const auto path = index.parent_path() / name;
    if (!fs::exists(path))
      throw DataError(fmt::format("{}: the part {} is not in this folder", index.string(), name),
                      "copy all parts that the index names");
    auto part = read_weights(path);
    for (auto& [tensor, array] : part.arrays) all.arrays.insert_or_assign(tensor, std::move(array));
  }
  for (const auto& [tensor, file] : map.items())
    if (!all.arrays.contains(tensor))
      throw DataError(fmt::format("{}: the tensor {} is not in {}", index.string(), tensor, file.dump()));
  return all;
}

}  // namespace

ArrayFile read_weights_folder(const fs::path& folder, const std::string& hint) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (const auto path = folder / name; fs::exists(path)) return read_weights(path);
    if (const auto path = folder / (std::string(name) + ".index.json"); fs::exists(path)) return read_parts(path);
  }
  for (const char* other : {"tf_model.h5", "flax_model.msgpack", "bert_model.ckpt.index", "adapter_model.safetensors"})
    if (fs::exists(folder / other))
      throw DataError(fmt::format("{}: {} and neither model.safetensors nor pytorch_model.bin in this folder",
                                  folder.string(), other),
                      std::string(other) == "adapter_model.safetensors"
                          ? "an adapter alone; in Python, with peft: model.merge_and_unload().save_pretrained(NEW)"
                          : "weights of another framework: take the folder's files for PyTorch");
  throw DataError(folder.string() + ": neither model.safetensors nor pytorch_model.bin in this folder", hint);
}

}  // namespace kuda::io
