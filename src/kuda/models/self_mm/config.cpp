#include "kuda/models/self_mm/config.h"

namespace kuda::self_mm {

SelfMmConfig::SelfMmConfig() { dropout_text = dropout_audio = 0.1; }

void SelfMmConfig::describe(Fields& fields) {
  describe_shared(fields);
  fields.add("audio_out", audio_out, "width of the encoded audio", at_least(1));
  fields.add("vision_out", vision_out, "width of the encoded vision", at_least(1));
  fields.add("dropout_audio_lstm", dropout_audio_lstm, "dropout on the audio LSTM's last state", between(0, 1));
  fields.add("dropout_vision_lstm", dropout_vision_lstm, "dropout on the vision LSTM's last state", between(0, 1));
  fields.add("lengths_of_text", lengths_of_text,
             "audio and vision are taken to be as long as the text with its special tokens: what the published code "
             "does for word-aligned data");
}

}  // namespace kuda::self_mm
