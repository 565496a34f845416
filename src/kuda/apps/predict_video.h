#pragma once
// Scores of raw video as the program prints them: CSV and JSON.

#include <string>
#include <vector>

#include "kuda/base/progress.h"
#include "kuda/predictor/video_predictor.h"

namespace kuda {

struct ScoredVideo {
  std::string file;
  std::string problem;  ///< why there is no score; empty where there is one
  VideoScore video;
};

/// What goes wrong with one file is its `problem`.
[[nodiscard]] std::vector<ScoredVideo> score_videos(const VideoPredictor& predictor,
                                                    const std::vector<std::string>& files, Progress& progress);
/// The columns of docs/data-formats.md; those of a ratio where one of the scores has it.
[[nodiscard]] std::string videos_csv(const std::vector<ScoredVideo>& videos);
/// `facts`: of the predictor.
[[nodiscard]] std::string videos_json(const std::vector<ScoredVideo>& videos, const PredictorFacts& facts);
/// Throws DataError where one has a problem.
void require_all_scored(const std::vector<ScoredVideo>& videos);

}  // namespace kuda
