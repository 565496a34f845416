#include "kuda/data/data_config.h"

#include <algorithm>

#include "kuda/base/error.h"

namespace kuda {
void DataConfig::describe(Fields& fields) {
  fields.add("text_source", text_source,
             "where token ids come from: raw (raw text through the tokenizer), tokens (ids stored in the file), auto "
             "(raw where every clip has text)");
  fields.add(
      "text_length", text_length,
      "word pieces per text, [CLS] and [SEP] included; 0: that of the stored ids, else the longest text, at most 50",
      at_least(0));
  fields.add("vision_length", vision_length, "frames per clip; 0: from the data", at_least(0));
  fields.add("audio_length", audio_length, "frames per clip; 0: from the data", at_least(0));
  fields.add("mask", mask,
             "which frames are padding: sound (beyond the declared length, shifted with the window), released (as the "
             "published loader), nonzero (before the first and after the last non-zero frame)");
  fields.add("clean", clean,
             "what happens to NaN and infinities in features: zero, drop_frame, mean (of the training split), fail, "
             "minus_inf_only (as the published loader: NaN and +inf stay)");
  fields.add("labels", labels, "labels outside the score range: keep or clip");
  fields.add("normalise", normalise,
             "vision and audio features: none, or standardise by mean and deviation of the training split");
  fields.add("normalise_clip", normalise_clip, "largest absolute value after standardising; 0: no limit", at_least(0));
  fields.add("modalities", modalities, "inputs in use; any of text, vision, audio",
             one_of({"text", "vision", "audio"}));
  fields.add(
      "drop", drop,
      "missing rate of training clips, drawn anew in each epoch: what `kuda evaluate --missing` does to clips that "
      "are scored; validation and test clips stay complete, and those of stage 1. 0: nothing is dropped",
      at_least(0));
  fields.add("drop_as", drop_as,
             "what drop loses: modality (whole modalities, one stays), frames (frames and words), noise (drop is its "
             "deviation, in deviations of the clip's own column)");
}

bool DataConfig::uses(Modality modality) const {
  if (modalities.empty()) throw ConfigError("data.modalities: expected at least one of text, vision, audio");
  return std::any_of(modalities.begin(), modalities.end(),
                     [&](const std::string& name) { return modality_from(name) == modality; });
}

std::int64_t DataConfig::length(Modality modality) const {
  return of_modality(modality, text_length, vision_length, audio_length);
}

bool DataConfig::needs_statistics() const { return normalise == Normalise::standardise || clean == CleanPolicy::mean; }

}  // namespace kuda
