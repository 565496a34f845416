#include "kuda/models/cubemlp/config.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/activation.h"

namespace kuda::cubemlp {

void CubeMlpConfig::describe(Fields& fields) {
  fields.add("width", width, "channels of the cube", at_least(1));
  fields.add("time_length", time_length, "time steps of the cube; shorter texts are padded, longer ones cut",
             at_least(1));
  fields.add("encoder", encoder,
             "of vision and audio: gru = two bidirectional layers, lstm = one bidirectional layer, conv = kernel 3");
  fields.add("hidden_time", hidden_time, "inner width of each block's MLP along time", at_least(1));
  fields.add("hidden_modality", hidden_modality, "inner width of each block's MLP along the modalities", at_least(1));
  fields.add("hidden_channel", hidden_channel, "inner width of each block's MLP along the channels", at_least(1));
  fields.add("out_time", out_time, "time steps after each block", at_least(1));
  fields.add("out_modality", out_modality, "modality positions after each block", at_least(1));
  fields.add("out_channel", out_channel, "channels after each block", at_least(1));
  fields.add("residual_projection", residual_projection,
             "1 = the residuals of a block pass a linear layer, 0 = they do not and the sizes stay; one value for all "
             "blocks or one each",
             between(0, 1));
  fields.add("activation", activation, "of the MLPs");
  fields.add("norm_first", norm_first, "layer norm before each MLP; false = after the residual sum");
  fields.add("bias", bias, "the MLPs have biases");
  fields.add("compose_time", compose_time, "how the time steps of the last block become one");
  fields.add("compose_modality", compose_modality, "how its modalities become one");
  fields.add("dropout", dropout, "dropout of encoded text, vision, audio, and of the classifier: four numbers",
             between(0, 1));
  fields.add("dropout_mlp", dropout_mlp, "dropout after the MLPs along time, modalities, channels: three numbers",
             between(0, 1));
  fields.add("dropout_text", dropout_text, "dropout inside the text encoder", between(0, 1));
  fields.add("loss", loss, "mae; mse; rmse; simse = squared mean error");
  fields.add("bert_lr_scale", bert_lr_scale, "learning rate of the text encoder over train.lr", at_least(0));
  fields.add("frozen_layers", frozen_layers,
             "lowest layers of the text encoder that are not trained (MOSI 9, MOSEI 0); -1 = none of it is trained",
             at_least(-1));
  fields.add("align", align,
             "vision and audio of another length than the text: pool = means over equal windows; centre = padded or "
             "cut at both ends, as published");
  fields.add("reference_quirks", reference_quirks,
             "true: as published, the compositions \"sum\" are means too; false: they are sums");
  fields.add("mask_padding", mask_padding, "positions beyond the text are zeros in the cube; off as published");
}

void check(const CubeMlpConfig& config) {
  const auto blocks = config.num_blocks();
  const auto same = [&](const char* name, std::size_t found) {
    if (found != blocks || blocks == 0)
      throw ConfigError(fmt::format("cubemlp.{}: {} entries, but cubemlp.hidden_time has {}", name, found, blocks),
                        "each list has one entry per block, at least one");
  };
  same("hidden_modality", config.hidden_modality.size());
  same("hidden_channel", config.hidden_channel.size());
  same("out_time", config.out_time.size());
  same("out_modality", config.out_modality.size());
  same("out_channel", config.out_channel.size());
  if (config.residual_projection.size() != 1) same("residual_projection", config.residual_projection.size());
  if (config.dropout.size() != 4)
    throw ConfigError(fmt::format("cubemlp.dropout: expected four numbers, found {}", config.dropout.size()));
  if (config.dropout_mlp.size() != 3)
    throw ConfigError(fmt::format("cubemlp.dropout_mlp: expected three numbers, found {}", config.dropout_mlp.size()));
}

}  // namespace kuda::cubemlp
