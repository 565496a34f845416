#include "kuda/tensor/state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "kuda/base/error.h"
#include "kuda/base/interruption.h"
#include "kuda/io/weights_file.h"
#include "kuda/tensor/linear.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using torch::Tensor;

std::map<std::string, Tensor> tensors_of(const torch::nn::Module& module) {
  if (is_prepared(module)) throw Error("a model that was prepared for scoring has no weights to save or to load into");
  std::map<std::string, Tensor> tensors;
  for (const auto& item : module.named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) tensors[item.key()] = item.value();
  return tensors;
}

std::string shape_text(c10::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

/// What usually stands behind a tensor of another shape: the words users need, not the shapes again.
std::string likely_cause(std::string_view name) {
  if (name.find("word_embeddings") != std::string_view::npos)
    return "another vocabulary: 21128 rows are Chinese BERT, 30522 English uncased; use the encoder it was made with";
  if (name.find("pos_encoder.proj") != std::string_view::npos)
    return "another feature width: the features come from another extractor or data set";
  if (name.find("position_embeddings") != std::string_view::npos)
    return "another sequence length: set data.vision_length / data.audio_length as in the checkpoint's config";
  if (name.find(".len_") != std::string_view::npos) return "another padded length: see the [data] lengths";
  if (name.find("adapters.") != std::string_view::npos) return "another number of adapter layers";
  return "another model size or another data set";
}

/// What the file holds under that name of the module and is no tensor that can be read; "" where it holds nothing.
std::string held_instead(const io::ArrayFile& file, const LoadOptions& options, const std::string& name) {
  for (const auto& [file_name, what] : file.metadata)
    if ((options.rename ? options.rename(file_name) : file_name) == name) return what;
  return "";
}

struct Differences {
  std::vector<std::string> lines;
  std::string cause, recipe;
  void add(std::string line, std::string_view name) {
    if (lines.empty()) cause = likely_cause(name);
    lines.push_back(std::move(line));
  }
  void throw_if_any(const std::filesystem::path& path) const {
    if (lines.empty()) return;
    std::string text = fmt::format("{}: does not fit the model ({} differences)", path.string(), lines.size());
    for (std::size_t i = 0; i < lines.size() && i < 3; ++i) text += "\n  " + lines[i];
    if (lines.size() > 3) text += fmt::format("\n  ... and {} more", lines.size() - 3);
    throw CheckpointError(text, recipe.empty() ? "likely cause: " + cause : recipe);
  }
};

}  // namespace

std::map<std::string, io::Array> state_of(const torch::nn::Module& module) {
  std::map<std::string, io::Array> arrays;
  for (const auto& [name, tensor] : tensors_of(module)) arrays[name] = io::to_array(tensor.detach().cpu());
  return arrays;
}

void load_state(torch::nn::Module& module, const io::ArrayFile& file, const LoadOptions& options) {
  const auto targets = tensors_of(module);
  std::map<std::string, Tensor> found;
  std::set<std::string> named;  // by the file, whatever their shape
  Differences differences;
  for (const auto& [file_name, array] : file.arrays) {
    const auto name = options.rename ? options.rename(file_name) : file_name;
    if (name.empty()) continue;
    named.insert(name);
    const auto target = targets.find(name);
    if (target == targets.end()) {
      if (!options.may_ignore || !options.may_ignore(name))
        differences.add(fmt::format("{} {}: not in the model", file_name, shape_text(array.shape)), name);
      continue;
    }
    if (target->second.sizes() != c10::IntArrayRef(array.shape))
      differences.add(
          fmt::format("{}: file {}, model {}", name, shape_text(array.shape), shape_text(target->second.sizes())),
          name);
    else
      found[name] = io::to_tensor(array);
  }
  for (const auto& [name, tensor] : targets)
    if (!named.contains(name) && !(options.may_miss && options.may_miss(name))) {
      const auto held = held_instead(file, options, name);
      differences.add(fmt::format("{} {}: {}", name, shape_text(tensor.sizes()),
                                  held.empty() ? "missing from the file" : "in the file, but as " + held),
                      name);
      if (differences.recipe.empty()) differences.recipe = io::plain_tensor_recipe(held);
    }
  differences.throw_if_any(file.path);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, value] : found) {
    stop_where_asked();
    auto target = targets.at(name);  // copy of the handle; the storage is the module's
    target.copy_(value);
  }
}

}  // namespace kuda
