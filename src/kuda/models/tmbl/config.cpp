#include "kuda/models/tmbl/config.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/nn/activation.h"

namespace kuda::tmbl {

void TmblConfig::describe(Fields& fields) {
  fields.add("mode", mode,
             "sound = every clip is scored alone; reference = as published: attention, binding and positions run over "
             "the clips of a batch, so a score depends on its neighbours");
  fields.add("reference_batch", reference_batch,
             "mode reference: the largest batch; only batches of this size have class tokens and positions",
             at_least(1));
  fields.add("cross_attention", cross_attention,
             "mode sound: streams attend to each other; false = the private ones to themselves, as published");
  fields.add("width", width, "width of projected utterances and of the fusion, even", at_least(2));
  fields.add("layers", layers, "layers of each of the four transformers", at_least(1));
  fields.add("heads", heads, "attention heads", at_least(1));
  fields.add("feed_forward", feed_forward, "inner width of the feed-forward parts", at_least(1));
  fields.add("key_width", key_width, "width of queries and keys, all heads together", at_least(1));
  fields.add("value_width", value_width, "width of values across streams, all heads together", at_least(1));
  fields.add("rnn", rnn, "of vision and audio");
  fields.add("activation", activation, "after the projections of the shared part");
  fields.add("dropout_transformer", dropout_transformer, "dropout of the four transformers", between(0, 1));
  fields.add("dropout_fusion", dropout_fusion, "dropout of the fusion", between(0, 1));
  fields.add("dropout_text", dropout_text, "dropout inside the text encoder", between(0, 1));
  fields.add("lambda_similarity", lambda_similarity, "weight of the similarity of shared streams", at_least(0));
  fields.add("lambda_difference", lambda_difference, "weight of the difference term", at_least(0));
  fields.add("frozen_layers", frozen_layers,
             "lowest layers of the text encoder that are not trained; -1 = none of it is trained", at_least(-1));
  fields.add("align", align,
             "pool = vision and audio become as long as the text and take its lengths; words = their own lengths, as "
             "published");
}

void check(const TmblConfig& config) {
  if (config.key_width % config.heads != 0 || config.value_width % config.heads != 0)
    throw ConfigError(fmt::format("tmbl.heads = {} does not divide tmbl.key_width = {} and tmbl.value_width = {}",
                                  config.heads, config.key_width, config.value_width));
  if (config.width % 2 != 0)
    throw ConfigError(fmt::format("tmbl.width = {}: expected an even number", config.width),
                      "the fusion works at half of it");
  if (config.cross_attention && config.is_reference())
    throw ConfigError("tmbl.cross_attention needs tmbl.mode = \"sound\"; the published streams attend to themselves");
}

}  // namespace kuda::tmbl
