#include "kuda/models/lmf/config.h"

namespace kuda::lmf {

void LmfConfig::describe(Fields& fields) {
  fields.add("text_hidden", text_hidden, "width of the text LSTM; its vector is half as wide", at_least(2));
  fields.add("vision_hidden", vision_hidden, "width of the vision encoder", at_least(1));
  fields.add("audio_hidden", audio_hidden, "width of the audio encoder", at_least(1));
  fields.add("rank", rank, "rank of the fusion", at_least(1));
  fields.add("dropout_text", dropout_text,
             "dropout after the text LSTM; does nothing with reference_quirks, as in the published code",
             between(0, 0.99));
  fields.add("dropout_vision", dropout_vision, "dropout of the vision encoder's input", between(0, 0.99));
  fields.add("dropout_audio", dropout_audio, "dropout of the audio encoder's input", between(0, 0.99));
  fields.add("factor_lr", factor_lr, "learning rate of the three factors; everything else has train.lr", at_least(0));
  fields.add("train_fusion_weights", train_fusion_weights,
             "false: as published, the weights of the ranks and the bias keep their random start; true: they are "
             "trained with train.lr");
  fields.add("reference_quirks", reference_quirks,
             "true: as published, padding counts in means and in the LSTM, text dropout is dead; false: padding is "
             "left out and text dropout works");
}

}  // namespace kuda::lmf
