#pragma once
// Scores of training clips by models that were not trained on them: how far a modality really is from the label, which
// the model that was trained on the clip cannot say.
//
//   hold_out(folder, dataset, rows, 5, group, train);   // trains five times, each without one part
//   take_held_out(folder, Modality::audio, dataset);    // into Clip::held_out

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/tensor/process_group.h"

namespace kuda {

/// For each row a number in [0, count): whole videos, dealt out in the order in which they first occur, so that no
/// speaker is on both sides. Throws ConfigError when there are fewer videos than parts.
[[nodiscard]] std::vector<std::int64_t> folds_of(const Dataset& dataset, const std::vector<std::int64_t>& rows,
                                                 std::int64_t count);

/// The rows without those of one part.
[[nodiscard]] std::vector<std::int64_t> without_fold(const Dataset& dataset, const std::vector<std::int64_t>& rows,
                                                     std::int64_t count, std::int64_t fold);

/// Has the task trained without each part of its training clips `rows` in turn, and keeps in its folder what each model
/// says of the part it did not see: only that stays. `train` leaves predictions.csv in the folder it is given. Nothing
/// where that was done before.
void hold_out(const std::filesystem::path& folder, const Dataset& dataset, const std::vector<std::int64_t>& rows,
              std::int64_t count, const ProcessGroup& group,
              const std::function<void(std::int64_t fold, const std::filesystem::path& folder)>& train);

/// Instead of parts: has the task trained on all clips, in a folder below its own, and keeps what that model says of
/// the training clips `rows`, moved away from their labels by one factor, which makes the mean distance of the training
/// clips that of the validation clips. Nothing where that was done before. Throws ConfigError where no validation clip
/// has a score and a label.
void scale_distances(const std::filesystem::path& folder, const Dataset& dataset, const std::vector<std::int64_t>& rows,
                     const ProcessGroup& group, const std::function<void(const std::filesystem::path& folder)>& train);

/// The file of these data in the folder of a task; other data have other names.
[[nodiscard]] std::filesystem::path held_out_file(const std::filesystem::path& folder, const Dataset& dataset);

/// Writes it: id, score.
void write_held_out(const std::filesystem::path& folder, const Dataset& dataset,
                    const std::map<std::string, float>& scores);

/// Puts the scores of the file into the clips; where there is none, the clips have none of this modality afterwards.
/// Throws DataError for an id that the data set lacks.
void take_held_out(const std::filesystem::path& folder, Modality modality, Dataset& dataset);

}  // namespace kuda
