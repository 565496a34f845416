#include "kuda/models/mult/config.h"

namespace kuda::mult {

void MultConfig::describe(Fields& fields) {
  fields.add("width", width, "common width of the three modalities", at_least(1));
  fields.add("heads", heads, "attention heads; must divide the width", at_least(1));
  fields.add("levels", levels, "layers of a crossmodal encoder; a memory encoder has at least 3", at_least(1));
  fields.add("kernel_text", kernel_text, "frames of the text convolution", at_least(1));
  fields.add("kernel_vision", kernel_vision, "frames of the vision convolution", at_least(1));
  fields.add("kernel_audio", kernel_audio, "frames of the audio convolution", at_least(1));
  fields.add("dropout_text", dropout_text, "dropout of the text features", between(0, 0.99));
  fields.add("dropout_attention", dropout_attention,
             "dropout of attention weights where the source is text, and in the memory encoders", between(0, 0.99));
  fields.add("dropout_attention_audio", dropout_attention_audio,
             "dropout of attention weights where the source is audio", between(0, 0.99));
  fields.add("dropout_attention_vision", dropout_attention_vision,
             "dropout of attention weights where the source is vision", between(0, 0.99));
  fields.add("dropout_relu", dropout_relu, "dropout inside the feed-forward parts", between(0, 0.99));
  fields.add("dropout_embedding", dropout_embedding, "dropout of an encoder's inputs", between(0, 0.99));
  fields.add("dropout_residual", dropout_residual, "dropout of the residual branches", between(0, 0.99));
  fields.add("dropout_output", dropout_output, "dropout in the head", between(0, 0.99));
  fields.add("causal_mask", causal_mask, "frame i sees frame j only where j <= i + difference of the lengths");
  fields.add("positions", positions,
             "sinusoidal positions in every encoder, as in the authors' code; the toolbox has none");
  fields.add("use_bert", use_bert, "BERT inside the model instead of pre-computed text features");
  fields.add("finetune_bert", finetune_bert, "with use_bert: train it too");
  fields.add("reference_quirks", reference_quirks,
             "true: as published, padding is attended to and the last padded frame is read; false: padding is masked, "
             "the last real frame is read");
}

}  // namespace kuda::mult
