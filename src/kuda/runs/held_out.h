#pragma once
// Scores of training clips by models that were not trained on them: how far a modality really is from the label, which
// the model that was trained on the clip cannot say.
//
//   const auto folds = folds_of(dataset, rows, 5);      // of each row the part that holds it out
//   write_held_out(folder, dataset, scores);            // by clip
//   take_held_out(folder, Modality::audio, dataset);    // into Clip::held_out

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"

namespace kuda {

/// For each row a number in [0, count): whole videos, dealt out in the order in which they first occur, so that no
/// speaker is on both sides. Throws ConfigError when there are fewer videos than parts.
[[nodiscard]] std::vector<std::int64_t> folds_of(const Dataset& dataset, const std::vector<std::int64_t>& rows,
                                                 std::int64_t count);

/// The file of these data in the folder of a task; other data have other names.
[[nodiscard]] std::filesystem::path held_out_file(const std::filesystem::path& folder, const Dataset& dataset);

/// Writes it: id, score.
void write_held_out(const std::filesystem::path& folder, const Dataset& dataset,
                    const std::map<std::string, float>& scores);

/// Puts the scores of the file into the clips; where there is none, the clips have none of this modality afterwards.
/// Throws DataError for an id that the data set lacks.
void take_held_out(const std::filesystem::path& folder, Modality modality, Dataset& dataset);

}  // namespace kuda
