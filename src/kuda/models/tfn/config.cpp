#include "kuda/models/tfn/config.h"

namespace kuda::tfn {

void TfnConfig::describe(Fields& fields) {
  fields.add("text_hidden", text_hidden, "width of the text LSTM", at_least(1));
  fields.add("vision_hidden", vision_hidden, "width of the vision encoder", at_least(1));
  fields.add("audio_hidden", audio_hidden, "width of the audio encoder", at_least(1));
  fields.add("text_out", text_out, "width of the text vector that enters the product", at_least(1));
  fields.add("post_fusion", post_fusion, "width of the layers after the product", at_least(1));
  fields.add("dropout_text", dropout_text,
             "dropout after the text LSTM; does nothing with reference_quirks, as in the published code",
             between(0, 0.99));
  fields.add("dropout_vision", dropout_vision, "dropout of the vision encoder's input", between(0, 0.99));
  fields.add("dropout_audio", dropout_audio, "dropout of the audio encoder's input", between(0, 0.99));
  fields.add("dropout_fusion", dropout_fusion, "dropout of the product", between(0, 0.99));
  fields.add("output_range", output_range, "scores are output_range * sigmoid(x) + output_shift", at_least(0));
  fields.add("output_shift", output_shift, "lowest score; the published code uses -3 and range 6 for every data set");
  fields.add("reference_quirks", reference_quirks,
             "true: as published, padding counts in means and in the LSTM, text dropout is dead; false: padding is "
             "left out and text dropout works");
}

}  // namespace kuda::tfn
