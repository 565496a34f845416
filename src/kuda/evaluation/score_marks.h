#pragma once
// What a reader of single scores must know: which are beyond any label, of clips unlike any in training, of clips that
// the model saw a part of.
//
//   const auto marks = marks_of(scorer, rows, predictions);
//   for (const auto& line : describe(marks, scorer)) log_warning("{}", line);

#include <string>
#include <vector>

#include "kuda/data/cut.h"
#include "kuda/evaluation/scorer.h"

namespace kuda {

struct ScoreMarks {
  bool outside_range = false;     ///< beyond the range of the labels (checkpoint/score_range.h)
  PerModality<bool> far_input{};  ///< values ten times as large as any in training (data/input_range.h)
  Cuts cut{};                     ///< longer than what the model reads
};

/// Clip by clip.
[[nodiscard]] std::vector<ScoreMarks> marks_of(const Scorer& scorer, const std::vector<std::int64_t>& rows,
                                               const std::vector<Prediction>& predictions);

/// Warnings: how many scores and clips are unlike those of training.
[[nodiscard]] std::vector<std::string> describe(const std::vector<ScoreMarks>& marks, const Scorer& scorer);
/// How many clips were cut, with one as an example; empty where none was.
[[nodiscard]] std::string cut_note(const std::vector<ScoreMarks>& marks, const std::vector<Prediction>& predictions);

/// "text 60 to 50; audio 925 to 400"; empty for a clip that was read as a whole.
[[nodiscard]] std::string cut_text(const Cuts& cuts);
/// "vision audio": those that are marked.
[[nodiscard]] std::string names_text(const PerModality<bool>& modalities);

}  // namespace kuda
