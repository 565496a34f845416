#pragma once
// Which of several faces speaks: the one whose mouth opens and closes with the voice.

#include <cstdint>
#include <span>
#include <vector>

namespace kuda {

/// One face, from when it was found until it was lost.
struct FaceTrack {
  std::vector<std::int64_t> pictures;  ///< in which it is seen, ascending
  std::vector<float> mouth;            ///< opening, for each of them
  double area = 0;                     ///< sum over them, of its box
};

struct SpeakerChoice {
  std::vector<std::int64_t>
      order;               ///< tracks, the likeliest speaker first; in a picture the first that is there counts
  double correlation = 0;  ///< of the first; 0 where it is not known
  double margin = 0;       ///< less that of the best other face seen beside it; 0 where nothing was to choose
};

/// `voice`: how loud the voice is, for each picture of the clip; empty where it is not known. Faces are ordered by
/// atanh(r) sqrt(n - 3), where r is Pearson's correlation of mouth and voice over the n pictures of the face: how
/// surely they go together. Faces of less than 8 pictures, and all where the voice says nothing, follow by their area.
[[nodiscard]] SpeakerChoice choose_speaker(const std::vector<FaceTrack>& tracks, std::span<const float> voice);

/// energy [S] at `rate` a second -> mean over the time that each picture stands for, at `times` in seconds; empty where
/// energy is.
[[nodiscard]] std::vector<float> voice_of_pictures(std::span<const float> energy, double rate,
                                                   std::span<const double> times);

}  // namespace kuda
