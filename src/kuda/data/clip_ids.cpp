#include "kuda/data/clip_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"

namespace kuda {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Where the number that ends at `end` begins. `with_point`: "12.5" is one number.
std::size_t begin_of_number(std::string_view id, std::size_t end, bool with_point) {
  std::size_t begin = end;
  while (begin > 0 && is_digit(id[begin - 1])) --begin;
  if (with_point && begin < end && begin > 1 && id[begin - 1] == '.' && is_digit(id[begin - 2])) {
    begin -= 1;
    while (begin > 0 && is_digit(id[begin - 1])) --begin;
  }
  return begin;
}

/// End of what precedes a separator and the letters ("utt") before `at`; nowhere without a separator.
std::size_t end_of_stem(std::string_view id, std::size_t at) {
  constexpr std::string_view kSeparators = "_-./:#[({ ";
  constexpr std::size_t kMostLetters = 4;
  std::size_t begin = at;
  while (begin > 0 && at - begin < kMostLetters && is_letter(id[begin - 1])) --begin;
  if (begin == 0 || kSeparators.find(id[begin - 1]) == kNowhere) return kNowhere;
  const auto last = id.find_last_not_of(kSeparators, begin - 1);
  return last == kNowhere ? kNowhere : last + 1;
}

/// "abc[3]", "abc_3", "abc_12.5", "abc_utt3" as "abc"; the whole id where it ends otherwise.
std::string without_last_number(const std::string& id) {
  const bool has_bracket = !id.empty() && std::string_view("])}").find(id.back()) != kNowhere;
  const std::size_t end = id.size() - (has_bracket ? 1 : 0);
  for (const bool with_point : {true, false}) {
    const auto number = begin_of_number(id, end, with_point);
    if (number == end) return id;
    if (const auto stem = end_of_stem(id, number); stem != kNowhere) return id.substr(0, stem);
  }
  return id;
}

bool have_several_clips(const std::vector<Clip>& clips) {
  std::map<std::string_view, std::set<std::string_view>> clips_of;
  for (const Clip& clip : clips)
    if (!clip.clip_id.empty()) clips_of[clip.video_id].insert(clip.clip_id);
  return std::any_of(clips_of.begin(), clips_of.end(), [](const auto& video) { return video.second.size() > 1; });
}

/// Stems that could be videos: several of them have several clips, and they are not one name for all.
bool look_like_videos(const std::vector<Clip>& clips, const std::vector<std::string>& stems) {
  std::map<std::string_view, std::size_t> clips_of;
  std::array<std::set<std::string_view>, 3> in_split;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    ++clips_of[stems[i]];
    in_split[std::size_t(clips[i].split)].insert(stems[i]);
  }
  std::size_t largest = 0;
  for (const auto& [stem, count] : clips_of) largest = std::max(largest, count);
  return largest > 1 && 2 * largest <= clips.size() &&
         std::any_of(in_split.begin(), in_split.end(), [](const auto& stems_of) { return stems_of.size() > 1; });
}

}  // namespace

std::vector<std::string> repeated_ids(const std::vector<Clip>& clips) {
  std::set<std::string> seen;
  std::vector<std::string> repeated;
  for (const Clip& clip : clips)
    if (!seen.insert(clip.id()).second) repeated.push_back(clip.id());
  return repeated;
}

std::string clips_of_id(const std::vector<Clip>& clips, const std::string& id) {
  std::vector<std::string> splits;
  for (const Clip& clip : clips)
    if (clip.id() == id) splits.emplace_back(split_name(clip.split));
  constexpr std::size_t kMostNamed = 6;
  const auto count = splits.size();
  if (count > kMostNamed) splits.resize(kMostNamed);
  return fmt::format("'{}' is the id of {} clips ({}{})", id, count, join(splits), count > kMostNamed ? ", ..." : "");
}

void require_unique_ids(const Dataset& dataset) {
  const auto repeated = repeated_ids(dataset.clips);
  if (repeated.empty()) return;
  throw DataError(fmt::format("{}: expected an id of its own for each clip, but {} clips have the id of another: {}",
                              dataset.source, repeated.size(), clips_of_id(dataset.clips, repeated.front())),
                  "give each clip one name in all splits, for example VIDEO$_$CLIP; `kuda data check` lists the ids");
}

VideoGroups group_by_video(const std::vector<Clip>& clips) {
  VideoGroups groups;
  const bool has_clip_numbers = have_several_clips(clips);
  for (const Clip& clip : clips) groups.video.push_back(clip.video_id);
  groups.is_known = has_clip_numbers;
  // "abc_12.5_17.0" names start and end: two numbers.
  auto stems = groups.video;
  for (int numbers = 0; numbers < 2; ++numbers) {
    for (std::size_t i = 0; i < clips.size(); ++i)
      if (!has_clip_numbers || clips[i].clip_id.empty()) stems[i] = without_last_number(stems[i]);
    if (stems == groups.video || !look_like_videos(clips, stems)) continue;
    groups.is_known = groups.is_from_id = true;
    groups.video = std::move(stems);
    break;
  }
  return groups;
}

std::vector<std::int64_t> id_digests(const std::vector<Clip>& clips) {
  std::vector<std::int64_t> digests;
  for (const Clip& clip : clips)
    digests.push_back(static_cast<std::int64_t>(std::stoull(sha256(clip.id()).substr(0, 16), nullptr, 16)));
  return digests;
}

}  // namespace kuda
