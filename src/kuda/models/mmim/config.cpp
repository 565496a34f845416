#include "kuda/models/mmim/config.h"

#include "kuda/nn/activation.h"

namespace kuda::mmim {

void MmimConfig::describe(Fields& fields) {
  fields.add("audio_hidden", audio_hidden, "width of the audio LSTM, per direction", at_least(1));
  fields.add("vision_hidden", vision_hidden, "width of the vision LSTM, per direction", at_least(1));
  fields.add("audio_out", audio_out, "width of the encoded audio (the entropy uses a quarter of it)", at_least(4));
  fields.add("vision_out", vision_out, "width of the encoded vision (the entropy uses a quarter of it)", at_least(4));
  fields.add("fusion_width", fusion_width, "width of the fusion layers", at_least(1));
  fields.add("layers", layers, "layers of the LSTMs", at_least(1));
  fields.add("bidirectional", bidirectional, "LSTMs read in both directions");
  fields.add("dropout_audio", dropout_audio, "dropout of the audio LSTM; without effect when layers = 1, as published",
             between(0, 1));
  fields.add("dropout_vision", dropout_vision,
             "dropout of the vision LSTM; without effect when layers = 1, as published", between(0, 1));
  fields.add("dropout_fusion", dropout_fusion, "dropout before the fusion layers", between(0, 1));
  fields.add("contrast_layers", contrast_layers, "layers of the contrastive networks (published name: cpc_layers)",
             at_least(1));
  fields.add("contrast_activation", contrast_activation,
             "after the first layer of a contrastive network that has more (published name: cpc_activation)");
  fields.add("bound_activation", bound_activation,
             "inside the networks of the bounds (published name: mmilb_mid_activation)");
  fields.add("vision_audio", vision_audio, "a third bound, between vision and audio (published name: add_va)");
  fields.add("contrast", contrast, "false: the task's loss alone, without mutual information");
  fields.add("alpha", alpha, "weight of the contrastive term", at_least(0));
  fields.add("beta", beta, "weight of the bound and of the entropy", at_least(0));
  fields.add("memory", memory, "batches kept to estimate the entropy", at_least(1));
  fields.add("bound_share", bound_share,
             "share of an epoch's steps that train the bounds before the rest (published: 0.5 on CMU-MOSEI, else 1)",
             between(0, 1));
  fields.add("lengths_of_text", lengths_of_text,
             "audio and vision are taken to be as long as the text with its special tokens: what the published code "
             "does for word-aligned data");
  fields.add("skip_singular", skip_singular,
             "no entropy of a pair where a side has too few samples for its covariance; false, as published: NaN");
  fields.add("reference_quirks", reference_quirks,
             "with several LSTM layers the states of the first are read, as published; false: of the last");
  fields.add("lr_text", lr_text, "learning rate of the text encoder", at_least(0));
  fields.add("lr_main", lr_main, "learning rate of everything but text encoder and bounds", at_least(0));
  fields.add("lr_bound", lr_bound, "learning rate of the bounds (published name: lr_mmilb)", at_least(0));
  fields.add("decay_text", decay_text, "weight decay of the text encoder", at_least(0));
  fields.add("decay_main", decay_main, "weight decay of everything but text encoder and bounds", at_least(0));
  fields.add("decay_bound", decay_bound, "weight decay of the bounds", at_least(0));
}

}  // namespace kuda::mmim
