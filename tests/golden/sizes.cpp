#include "sizes.h"

#include "kuda/base/error.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/data/sources/published.h"

namespace kuda::golden {

DataShape published_shape(const std::string& data) {
  const auto* set = published_set(data);
  if (set == nullptr) throw ConfigError("no published data set is named \"" + data + "\"");
  DataShape shape;
  shape.length = set->length;
  shape.width.vision = set->width.vision;
  shape.width.audio = set->width.audio;
  return shape;
}

std::int64_t preset_parameters(const std::filesystem::path& preset, DataShape shape) {
  const auto config = RunConfig::load(preset, {});
  const auto& info = find_model(config.model);
  TextEncoder text;  // BERT-base but for what is not counted anyway
  text.bert.vocab_size = 10;
  text.bert.intermediate_size = 1;
  if (config.model_config->text_input(info.text) == TextInput::features) shape.width.text = text.bert.hidden_size;
  return parameters_without_encoder(*info.make(*config.model_config, shape, text));
}

std::map<std::string, std::int64_t> preset_sizes(const std::filesystem::path& configs) {
  std::map<std::string, std::int64_t> sizes;
  for (const auto& info : all_models())
    sizes[info.name] = preset_parameters(configs / (info.name + "_mosi.toml"), published_shape("mosi"));
  return sizes;
}

}  // namespace kuda::golden
