#pragma once
// A data set from computational sequences (.csd): each interval of a label sequence is a clip, whose frames are those
// of the other sequences that overlap it. What CMU-MultimodalSDK does with align() is described in docs/data-formats.md
// beside what is done here.
//
//   CsdSources sources{.labels = "CMU_MOSI_Opinion_Labels.csd", .splits = "splits.csv"};
//   sources.feature.audio = "CMU_MOSI_COVAREP.csd";
//   const Dataset mosi = import_csd(sources, "mosi");

#include <array>
#include <filesystem>

#include "kuda/data/dataset.h"
#include "kuda/data/sources/mmsa.h"

namespace kuda {

enum class CsdPool {
  none,   ///< every frame that overlaps the clip, as it is
  words,  ///< the mean of the frames that overlap each interval of the text sequence
  clip,   ///< one frame a clip: the mean of those that overlap it
};
constexpr auto value_names(CsdPool) { return std::array{"none", "words", "clip"}; }

struct CsdSources {
  std::filesystem::path labels;                ///< first column: the score
  PerModality<std::filesystem::path> feature;  ///< text: words, which become the text, or numbers; empty: none
  std::filesystem::path splits;                ///< table of video_id and mode (or split); empty: all clips are test
  CsdPool pool = CsdPool::none;
};

/// Makes a prepared folder and opens it. Clips are named video[3], as the SDK names them. Frames are read one video at
/// a time. Throws DataError naming file and entry.
Dataset import_csd(const CsdSources& sources, const std::filesystem::path& folder, const DataFacts& facts = {});

}  // namespace kuda
