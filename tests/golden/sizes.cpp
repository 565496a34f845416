#include "sizes.h"

#include <fmt/format.h>

#include "kuda/checkpoint/run_config.h"
#include "kuda/data/synth/synth.h"

namespace kuda::golden {

DataShape published_shape(const std::string& data) {
  SynthOptions options;
  options.like = data;
  const auto sizes = options.resolved();
  DataShape shape;
  shape.length.text = sizes.text_length;
  shape.length.vision = sizes.vision_length;
  shape.width.vision = sizes.vision_width;
  shape.length.audio = sizes.audio_length;
  shape.width.audio = sizes.audio_width;
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

std::string sizes_table(const std::filesystem::path& configs) {
  const auto shape = published_shape("mosi");
  auto text = fmt::format(
      "\n## Size\n\n"
      "Parameters outside the text encoder, trained or not, with the preset `configs/NAME_mosi.toml` on CMU-MOSI's "
      "shapes:\n"
      "{} word pieces, {} vision frames of {}, {} audio frames of {}, text vectors of 768.\n\n"
      "| model | parameters |\n| --- | --- |\n",
      shape.length.text, shape.length.vision, shape.width.vision, shape.length.audio, shape.width.audio);
  for (const auto& info : all_models())
    text += fmt::format("| `{}` | {} |\n", info.name, preset_parameters(configs / (info.name + "_mosi.toml"), shape));
  return text;
}

}  // namespace kuda::golden
