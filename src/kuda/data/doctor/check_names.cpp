#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "kuda/data/clip_ids.h"
#include "kuda/data/doctor/check_parts.h"

namespace kuda {
namespace {

bool are_numbers(const std::vector<Clip>& clips) {
  return std::all_of(clips.begin(), clips.end(),
                     [](const Clip& clip) { return clip.id().find_first_not_of("0123456789") == std::string::npos; });
}

/// Why nobody can tell from the ids whether a video is in two splits.
void say_unknown(const Dataset& data, Findings& findings) {
  const bool is_numbered = are_numbers(data.clips);
  findings.add(
      is_numbered ? Severity::warning : Severity::note, "videos_unknown", "",
      fmt::format("ids name no video with several clips (they are {}, as '{}'), so it cannot be checked whether "
                  "clips of one video are in two splits",
                  is_numbered ? "running numbers" : "single names", data.clips.front().id()));
}

}  // namespace

void check_names(const Dataset& data, Findings& findings) {
  if (auto twice = repeated_ids(data.clips); !twice.empty())
    findings.add(Severity::error, "duplicate_id", "", fmt::format("{} clips have the id of another clip", twice.size()),
                 twice);
  std::set<Split> used;
  for (const Clip& clip : data.clips) used.insert(clip.split);
  if (used.size() < 2) return;
  const VideoGroups groups = group_by_video(data.clips);
  if (!groups.is_known) say_unknown(data, findings);
  std::map<std::string, std::set<Split>> splits_of;
  for (std::size_t i = 0; i < data.clips.size(); ++i) splits_of[groups.video[i]].insert(data.clips[i].split);
  std::vector<std::string> shared;
  for (const auto& [video, splits] : splits_of)
    if (splits.size() > 1) shared.push_back(video);
  const std::string rule = groups.is_from_id ? fmt::format(" (the video of '{}' is taken to be '{}')",
                                                           data.clips.front().id(), groups.video.front())
                                             : "";
  if (!shared.empty())
    findings.add(
        Severity::warning, "video_in_two_splits", "",
        fmt::format("{} videos have clips in more than one split, so speaker and topic are known from training{}",
                    shared.size(), rule),
        shared);
  else if (groups.is_from_id)
    findings.add(Severity::note, "videos_from_ids", "",
                 fmt::format("{} videos by the form of ids, none of them in two splits{}", splits_of.size(), rule));
}

}  // namespace kuda
