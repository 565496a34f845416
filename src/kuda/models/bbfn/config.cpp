#include "kuda/models/bbfn/config.h"

#include <fmt/format.h>

#include "kuda/base/error.h"

namespace kuda::bbfn {

void BbfnConfig::describe(Fields& fields) {
  fields.add("width", width, "width of every sequence, a multiple of heads", at_least(1));
  fields.add("heads", heads, "attention heads", at_least(1));
  fields.add("layers", layers, "complementation layers", at_least(1));
  fields.add("text", text, "bert, or embedding = a table of vectors by word-piece id, trained from random values");
  fields.add("embedding_width", embedding_width, "width of the table of vectors", at_least(1));
  fields.add("encoder", encoder, "of each modality: cnn, linear, lstm, gru");
  fields.add("kernel_text", kernel_text, "cnn: frames a kernel covers, odd", at_least(1));
  fields.add("kernel_vision", kernel_vision, "cnn: frames a kernel covers, odd", at_least(1));
  fields.add("kernel_audio", kernel_audio, "cnn: frames a kernel covers, odd", at_least(1));
  fields.add("encoder_layers", encoder_layers, "lstm, gru: layers", at_least(1));
  fields.add("state_layer", state_layer,
             "lstm, gru: the layer whose last states stand for the sequence; first as published, last");
  fields.add("dropout_attention", dropout_attention, "dropout of attention weights", between(0, 1));
  fields.add("dropout_relu", dropout_relu, "dropout inside the feed-forward part", between(0, 1));
  fields.add("dropout_residual", dropout_residual, "dropout of both residual branches", between(0, 1));
  fields.add("dropout_embedding", dropout_embedding, "dropout of the table's vectors; no effect with bert",
             between(0, 1));
  fields.add("dropout_output", dropout_output, "dropout inside the output layers", between(0, 1));
  fields.add("dropout_text", dropout_text, "dropout inside the text encoder", between(0, 1));
  fields.add("lambda", lambda, "weight of the discriminator term; 0 = without it", at_least(0));
  fields.add("frozen_layers", frozen_layers,
             "lowest layers of the text encoder that are not trained; -1 = none of it is trained", at_least(-1));
  fields.add("align", align,
             "pool = vision and audio become as long as the text, whose mask serves all; words = one frame per word, "
             "as published: a zero frame before and one after, text padded to two word pieces more");
}

void check(const BbfnConfig& config) {
  if (config.width % config.heads != 0)
    throw ConfigError(fmt::format("bbfn.heads = {} does not divide bbfn.width = {}", config.heads, config.width));
  for (const auto kernel : {config.kernel_text, config.kernel_vision, config.kernel_audio})
    if (kernel % 2 == 0)
      throw ConfigError(
          fmt::format("bbfn.kernel_text, kernel_vision, kernel_audio: expected odd sizes, found {}", kernel),
          "an even kernel would change the length of the sequence");
}

}  // namespace kuda::bbfn
