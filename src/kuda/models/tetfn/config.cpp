#include "kuda/models/tetfn/config.h"

namespace kuda::tetfn {

TetfnConfig::TetfnConfig() {
  vision_hidden = 64;
  fusion_width = 64;
  audio_width = 32;
  vision_width = 16;
  lr_text = 3e-5;
  lr_audio = 5e-4;
  lr_vision = lr_other = 3e-4;
  decay_audio = decay_other = 1e-2;
  decay_vision = 0;
}

void TetfnConfig::describe(Fields& fields) {
  describe_shared(fields);
  fields.add("width", width, "width of the transformers", at_least(4));
  fields.add("heads", heads, "attention heads of the transformers", at_least(1));
  fields.add("kernel_text", kernel_text, "frames of the text convolution", at_least(1));
  fields.add("kernel_audio", kernel_audio,
             "frames of the audio and of the vision convolution (the published code never reads vision's own)",
             at_least(1));
  fields.add("dropout_attention", dropout_attention, "dropout of attention weights, all but the two below",
             between(0, 1));
  fields.add("dropout_attention_audio", dropout_attention_audio,
             "dropout of attention weights where text attends to audio", between(0, 1));
  fields.add("dropout_attention_vision", dropout_attention_vision,
             "dropout of attention weights where text attends to vision", between(0, 1));
  fields.add("dropout_relu", dropout_relu, "dropout inside the transformers' feed-forward layers", between(0, 1));
  fields.add("dropout_embedding", dropout_embedding, "dropout on the transformers' inputs", between(0, 1));
  fields.add("dropout_residual", dropout_residual, "dropout of the transformers' residual branches", between(0, 1));
  fields.add("pool_to_text", pool_to_text,
             "audio and vision of another length are averaged over windows to the text's length, as published");
  fields.add(
      "reference_quirks", reference_quirks,
      "true, as published: padding enters pooling, attention and convolutions, and the score is read at the last "
      "position; false: masked, and read at each clip's last true position");
}

}  // namespace kuda::tetfn
