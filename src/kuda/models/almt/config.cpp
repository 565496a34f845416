#include "kuda/models/almt/config.h"

#include <fmt/format.h>

#include "kuda/base/error.h"

namespace kuda::almt {

void AlmtConfig::describe(Fields& fields) {
  fields.add("width", width, "width of every block", at_least(1));
  fields.add("tokens", tokens, "learned tokens that compress each modality", at_least(1));
  fields.add("kept_tokens", kept_tokens, "tokens that go on after the compression; 0 = all", at_least(0));
  fields.add("head_width", head_width,
             "width of one attention head outside the hyper-modality layers (fixed to 64 in the published code)",
             at_least(1));
  fields.add("projection_depth", projection_depth, "blocks that compress a modality", at_least(1));
  fields.add("projection_heads", projection_heads, "attention heads of the compression", at_least(1));
  fields.add("projection_mlp", projection_mlp, "inner width of the compression's feed-forward part", at_least(1));
  fields.add("text_heads", text_heads, "attention heads of the text scales", at_least(1));
  fields.add("text_mlp", text_mlp, "inner width of the text scales' feed-forward part", at_least(1));
  fields.add("hyper_depth", hyper_depth, "hyper-modality layers, and text scales", at_least(1));
  fields.add("hyper_heads", hyper_heads, "attention heads of a hyper-modality layer", at_least(1));
  fields.add("hyper_head_width", hyper_head_width, "width of one of these heads", at_least(1));
  fields.add("fusion_depth", fusion_depth, "cross-modal blocks of the fusion (2 for MOSI, 4 elsewhere)", at_least(1));
  fields.add("fusion_heads", fusion_heads, "attention heads of the fusion", at_least(1));
  fields.add("fusion_mlp", fusion_mlp, "inner width of the fusion's feed-forward part", at_least(1));
  fields.add("dropout_text", dropout_text, "dropout of the text encoder", between(0, 1));
  fields.add("dropout", dropout, "dropout of all other blocks (published: 0)", between(0, 1));
  fields.add("mask_padding", mask_padding,
             "padded frames and word pieces are left out of the compression; off as published");
}

void check(const AlmtConfig& config) {
  if (config.kept_tokens > config.tokens)
    throw ConfigError(fmt::format("almt.kept_tokens = {} exceeds almt.tokens = {}", config.kept_tokens, config.tokens));
}

}  // namespace kuda::almt
