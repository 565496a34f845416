#pragma once
// Subtitles: SubRip (.srt) and WebVTT (.vtt), told apart by content.
//
//   for (const auto& subtitle : read_subtitles("talk.srt")) cut(subtitle.begin, subtitle.end, subtitle.text);

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace kuda {

struct Subtitle {
  double begin = 0, end = 0;  ///< seconds
  std::string text;           ///< one line, without tags; never empty
};

/// In the order of the file. Tags, entities and positions are taken out, lines of one subtitle joined by a space, and
/// subtitles without text left out. Subtitles that overlap stay as they are, which the log says.
/// Throws FormatError (not UTF-8, no times where they belong) and DataError (an end before its begin, a begin before
/// the one above it, no subtitle at all), naming file and line.
[[nodiscard]] std::vector<Subtitle> read_subtitles(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in messages.
[[nodiscard]] std::vector<Subtitle> parse_subtitles(std::string_view content, const std::string& name);

}  // namespace kuda
