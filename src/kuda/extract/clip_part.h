#pragma once
// Utterances and parts of a clip that was extracted as a whole: what was seen and heard from one second to another.
//
//   for (const auto& [begin, end] : utterances_of(clip.words)) score(part_of(clip, begin, end));

#include <vector>

#include "kuda/extract/extracted_clip.h"

namespace kuda {

/// Rows, words and boxes from `begin` to `end` (seconds of the clip) as a clip of its own, whose time begins at 0. A
/// word belongs to the part that its middle lies in. A modality of which the part has nothing is missing, with the
/// reason in words. Sound counts as there where the clip has some: whether a part of it is silent is not known any
/// more.
[[nodiscard]] ExtractedClip part_of(const ExtractedClip& clip, double begin, double end);

struct Utterance {
  double begin = 0, end = 0;  ///< seconds, of its first and last word
};

/// Words in a row, in order: an utterance ends with a sentence (. ? ! and their kin) and before a pause of 0.7 seconds.
[[nodiscard]] std::vector<Utterance> utterances_of(const std::vector<HeardWord>& words);

}  // namespace kuda
