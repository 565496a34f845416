#include "kuda/extract/media_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"
#include "kuda/data/clip_ids.h"
#include "kuda/data/sources/clips_csv.h"
#include "kuda/extract/speech/subtitles.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTable = "label.csv";

/// Sorted names of a folder that are not hidden.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// Media files of a folder by their stem.
using FilesByStem = std::map<std::string, std::vector<fs::path>>;
FilesByStem media_in(const fs::path& folder) {
  FilesByStem files;
  std::error_code none;
  if (fs::is_directory(folder, none))
    for (const auto& path : entries_of(folder))
      if (fs::is_regular_file(path) && is_media_name(path)) files[path.stem().string()].push_back(path);
  return files;
}

std::string names_of(const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.filename().string());
  return join(names);
}

/// The files of a table's rows, a folder for each video.
class TableFiles {
 public:
  explicit TableFiles(const fs::path& source) : root_(fs::is_directory(source / "Raw") ? source / "Raw" : source) {}

  void find(MediaClip& media) {
    const auto& [video, name] = std::pair(media.clip.video_id, media.clip.clip_id);
    const auto folder = name.empty() ? root_ : root_ / video;
    const auto& stem = name.empty() ? video : name;
    if (!is_plain(video) || !is_plain(stem)) {
      media.problem = "its id is no name of a file";
      return;
    }
    const auto known = folders_.try_emplace(folder).first;
    if (known->second.empty()) known->second = media_in(folder);
    const auto found = known->second.find(stem);
    if (found == known->second.end())
      media.problem = fmt::format("there is no {}.mp4 or other media file", (folder / stem).string());
    else if (found->second.size() > 1)
      media.problem = fmt::format("{}: expected one media file, found {}", folder.string(), names_of(found->second));
    else
      media.file = found->second.front();
    if (!media.file.empty()) used_.insert(media.file);
  }

  /// Media beside those that were asked for.
  [[nodiscard]] std::size_t unused() const {
    std::size_t count = 0;
    for (const auto& [folder, stems] : folders_)
      for (const auto& [stem, files] : stems)
        count +=
            std::size_t(std::count_if(files.begin(), files.end(), [&](const auto& f) { return !used_.contains(f); }));
    return count;
  }

 private:
  /// A table must not lead out of its folder.
  static bool is_plain(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
  }
  fs::path root_;
  std::map<fs::path, FilesByStem> folders_;
  std::set<fs::path> used_;
};

std::vector<MediaClip> of_table(const fs::path& source) {
  std::vector<MediaClip> list;
  TableFiles files(source);
  for (auto& clip : read_clips_csv(source / kTable, ClipTable::mmsa)) {
    list.push_back({std::move(clip), {}});
    files.find(list.back());
  }
  if (list.empty())
    throw DataError((source / kTable).string() + ": expected a row for each clip, found none below the header",
                    "without a label.csv every media file of the folder is a clip");
  if (const auto count = files.unused(); count > 0)
    log_info("{}: {} media files beside its clips are in no row and are passed over", (source / kTable).string(),
             count);
  return list;
}

Clip unlabelled(std::string video, std::string name) {
  Clip clip;
  clip.video_id = std::move(video);
  clip.clip_id = std::move(name);
  clip.split = Split::test;
  return clip;
}

void append_files(const fs::path& folder, const std::string& video, std::vector<MediaClip>& list) {
  for (const auto& [stem, files] : media_in(folder)) {
    if (files.size() > 1)
      throw DataError(
          fmt::format("{}: expected one media file for clip '{}', found {}", folder.string(), stem, names_of(files)),
          "names without their endings are the ids: rename or move one");
    list.push_back({video.empty() ? unlabelled(stem, "") : unlabelled(video, stem), files.front()});
  }
}

std::vector<MediaClip> of_folder(const fs::path& source) {
  std::vector<MediaClip> list;
  const auto root = fs::is_directory(source / "Raw") ? source / "Raw" : source;
  append_files(root, "", list);
  for (const auto& entry : entries_of(root))
    if (fs::is_directory(entry)) append_files(entry, entry.filename().string(), list);
  return list;
}

std::vector<MediaClip> of_subtitles(const fs::path& video, const fs::path& subtitles) {
  std::vector<MediaClip> list;
  for (const auto& subtitle : read_subtitles(subtitles)) {
    auto clip = unlabelled(video.stem().string(), fmt::format("{:04}", list.size() + 1));
    clip.text = subtitle.text;
    list.push_back({std::move(clip), video, subtitle.begin, subtitle.end});
  }
  return list;
}

void require_unique(const std::vector<MediaClip>& list, const fs::path& source) {
  std::vector<Clip> clips;
  for (const auto& media : list) clips.push_back(media.clip);
  if (const auto repeated = repeated_ids(clips); !repeated.empty())
    throw DataError(fmt::format("{}: {}", source.string(), clips_of_id(clips, repeated.front())),
                    "an id names one clip: video_id and clip_id together");
}

}  // namespace

bool is_media_name(const fs::path& file) {
  static const std::set<std::string> kEndings{".mp4", ".m4v",  ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts",
                                              ".mts", ".m2ts", ".wmv", ".flv", ".3gp",  ".ogv", ".gif", ".wav",  ".mp3",
                                              ".m4a", ".flac", ".ogg", ".oga", ".opus", ".aac", ".wma"};
  return kEndings.contains(lower_case(file.extension().string()));
}

std::vector<MediaClip> list_media(const fs::path& source, const fs::path& subtitles) {
  std::vector<MediaClip> list;
  if (fs::is_regular_file(source)) {
    if (subtitles.empty())
      list.push_back({unlabelled(source.stem().string(), ""), source});
    else
      list = of_subtitles(source, subtitles);
  } else if (!fs::is_directory(source)) {
    throw DataError(source.string() + ": expected a folder of videos, or one video, found nothing");
  } else if (!subtitles.empty()) {
    throw DataError(subtitles.string() + ": subtitles go with one video, and " + source.string() + " is a folder",
                    "name the video; a folder has a label.csv with the texts");
  } else {
    list = fs::exists(source / kTable) ? of_table(source) : of_folder(source);
  }
  if (list.empty())
    throw DataError(source.string() + ": expected media files (.mp4, .mkv, .avi, .wav, ...), found none",
                    "they lie in the folder or one below it, or in Raw/VIDEO/CLIP.mp4 beside a label.csv");
  for (const auto& media : list)
    if (!is_utf8(media.clip.id()))
      throw DataError(
          fmt::format("{}: expected a name in UTF-8, which ids of clips are written in", media.file.string()),
          "rename the file or its folder");
  require_unique(list, source);
  return list;
}

}  // namespace kuda
