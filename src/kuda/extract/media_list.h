#pragma once
// Which clips are to be extracted from what a user has, in an order that depends on nothing but the files.
//
//   Raw/<video_id>/<clip_id>.mp4 with label.csv (the layout of MMSA-FET): the rows of the table
//   a folder of media files, or of folders of them: the files; names are ids
//   one long video with a subtitle file (.srt, .vtt): its subtitles, clips "talk$_$0001" and on
//
//   for (const auto& clip : list_media("MyData", {})) extract(clip.file, clip.begin, clip.end);

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"

namespace kuda {

struct MediaClip {
  Clip clip;                    ///< ids, split, and what is known of text and labels
  std::filesystem::path file;   ///< empty where none was found
  double begin = 0;             ///< seconds
  std::optional<double> end{};  ///< none: to the end
  std::string problem{};        ///< why there is no file, in words
};

/// `subtitles` goes with one media file. Clips without labels are of the split test. Notes (files that are passed over)
/// go to the log. Throws DataError: no media at all, two clips with the same id, and what the reader of the table or of
/// the subtitles throws.
[[nodiscard]] std::vector<MediaClip> list_media(const std::filesystem::path& source,
                                                const std::filesystem::path& subtitles = {});

/// By the ending of its name: .mp4, .mkv, .avi, .wav, ... in any case.
[[nodiscard]] bool is_media_name(const std::filesystem::path& file);

}  // namespace kuda
