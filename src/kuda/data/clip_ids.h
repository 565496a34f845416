#pragma once
// What ids of clips say: which come twice, and which clips are of one video.
//
//   require_unique_ids(dataset);                              // before training
//   const VideoGroups groups = group_by_video(dataset.clips);
//   if (groups.is_known) use(groups.video[row]);

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"

namespace kuda {

/// Ids of clips that have the id of a clip before them, in order.
[[nodiscard]] std::vector<std::string> repeated_ids(const std::vector<Clip>& clips);

/// Throws DataError when two clips have the same id: predictions, errors of a clip and paired tests go by it.
void require_unique_ids(const Dataset& dataset);

/// "'0' is the id of 3 clips (train, valid, test)": for an error about an id that is not enough.
[[nodiscard]] std::string clips_of_id(const std::vector<Clip>& clips, const std::string& id);

/// Which clips are of one video.
struct VideoGroups {
  bool is_known = false;           ///< false: ids are running numbers, or each clip has a video of its own
  bool is_from_id = false;         ///< by the form of ids, not by video_id and clip_id
  std::vector<std::string> video;  ///< by clip
};

/// By video_id where videos have several clips. Else by what precedes the last number of an id: "abc[3]", "abc_3",
/// "abc-3", "abc_12.5_17.0", "dia0_utt3"; not where that would put more than half of the clips into one video, or
/// those of each split into one ("train_17").
[[nodiscard]] VideoGroups group_by_video(const std::vector<Clip>& clips);

/// First eight bytes of the SHA-256 of each id, the first one highest. They lie beside the features of a prepared
/// folder, under this key, and tie its rows to ids.
inline constexpr const char* kIdDigests = "id_digests";
[[nodiscard]] std::vector<std::int64_t> id_digests(const std::vector<Clip>& clips);

}  // namespace kuda
