#pragma once
// Private to the predictor: clips of a request as a data set, so that they are collated by the code that training used.

#include <span>
#include <string>
#include <vector>

#include "kuda/checkpoint/checkpoint.h"
#include "kuda/data/dataset.h"
#include "kuda/predictor/clip.h"

namespace kuda {

struct ExtractedClip;

/// How the model of a checkpoint gets its text.
enum class TextKind { none, raw, features };
[[nodiscard]] TextKind text_kind(const Checkpoint& checkpoint);

/// In use by the checkpoint's model.
[[nodiscard]] PerModality<bool> modalities_in_use(const Checkpoint& checkpoint);

/// Throws DataError and ShapeError, `name` standing for the clip: nothing that the model reads, something that it does
/// not read, another width, values that are no whole frames, token ids beyond the vocabulary.
void check_clip(const Checkpoint& checkpoint, const ClipInput& clip, const std::string& name);

/// What the model does not get to see of a clip that is not of the data set: it is longer than what the model reads.
[[nodiscard]] Cuts cuts_of(const Checkpoint& checkpoint, const ClipInput& clip);

/// Turns the frames of a clip from raw video into rows of word pieces, as `kuda data pack --align words` did with the
/// training data. Throws as Predictor::input_of.
void align_words(const Checkpoint& checkpoint, const ExtractedClip& extracted, ClipInput& input);

/// The clips with what is left out (ClipInput::without) taken away; clips of the data set keep their marks.
[[nodiscard]] std::vector<ClipInput> without_left_out(std::span<const ClipInput> clips);

/// Positions of `clips` in groups that are collated together. Clips of the data set stand apart, by what they leave
/// out. For the others: how many leading zero frames a truncation skips depends on the padded length of the data
/// (data/window.h), so a clip longer than any in training has a group of its own: it must not move their window.
[[nodiscard]] std::vector<std::vector<std::size_t>> groups_of(const Checkpoint& checkpoint,
                                                              std::span<const ClipInput> clips);

/// One group, none of whose clips is of the data set, as a data set: row i is clips[group[i]]. Word pieces are stored
/// as ids, to be collated from TextSource::tokens: a data set of texts must have all of them, and here one may be
/// missing.
[[nodiscard]] Dataset dataset_of(const Checkpoint& checkpoint, std::span<const ClipInput> clips,
                                 const std::vector<std::size_t>& group);

}  // namespace kuda
