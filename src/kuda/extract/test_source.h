#pragma once
// A source of clips for tests that costs nothing: the "video" is a text whose first word says what happens.
//
//   face N     N frames of vision and 2 N of audio, made of the text; heard: the rest of the text
//   dark N     the same without a face
//   broken     a DataError
//   deadly     the process dies
//   slow N     as dark, after a fifth of a second, and not before a file LOG.wait is gone
//
// Each extraction leaves a line in the log file, so that a test can count them.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/extract/extract_clips.h"

namespace kuda::test {

inline Recipe small_recipe() {
  Recipe recipe;
  recipe.vision.columns.resize(2);
  recipe.audio.columns.resize(3);
  return recipe;
}

inline io::Array frames_from(const std::string& text, std::int64_t count, std::int64_t width) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count * width; ++i)
    values.push_back(float(std::hash<std::string>{}(text) % 97) / 97 + float(i) + 1);
  return io::make_array({count, width}, values);
}

class TextSource final : public ClipSource {
 public:
  explicit TextSource(std::filesystem::path log) : log_(std::move(log)) {}
  ExtractedClip extract(const std::filesystem::path& file, double begin, std::optional<double>) override {
    std::ofstream(log_, std::ios::app) << file.filename().string() << ' ' << begin << std::endl;
    const auto text = read_file(file);
    std::istringstream words(text);
    std::string what;
    std::int64_t count = 0;
    words >> what >> count;
    if (what == "broken") throw DataError(file.string() + ": it is broken");
    if (what == "deadly") std::raise(SIGKILL);
    if (what == "slow") {
      ::usleep(200'000);
      while (std::filesystem::exists(log_.string() + ".wait")) ::usleep(1000);
    }
    ExtractedClip clip;
    if (what == "face")
      clip.vision = frames_from(text, count, 2);
    else
      clip.facts.missing.vision = "no face was found in " + std::to_string(count) + " pictures";
    clip.audio = frames_from(text + "a", 2 * count, 3);
    std::getline(words >> std::ws, clip.transcript);
    if (clip.transcript.empty())
      clip.facts.missing.text = "nobody speaks";
    else
      clip.words = {{clip.transcript, 0.25, 0.5, 0.9}};
    clip.facts.seconds = double(count) / 10;
    clip.facts.declared_seconds = clip.facts.seconds;
    clip.facts.pictures = count;
    return clip;
  }

 private:
  std::filesystem::path log_;
};

/// A folder of media files: name and text.
inline std::filesystem::path write_videos(const std::filesystem::path& folder,
                                          const std::vector<std::pair<std::string, std::string>>& videos) {
  for (const auto& [name, text] : videos) {
    std::filesystem::create_directories((folder / name).parent_path());
    write_file(folder / name, text);
  }
  return folder;
}

/// Extracts with TextSource; the log is OUT.log.
inline ExtractionCounts extract_texts(const std::filesystem::path& source, const std::filesystem::path& out,
                                      ExtractOptions options = {}, const Recipe& recipe = small_recipe()) {
  NoProgress silent;
  const std::atomic<bool> stop{false};
  options.source = source.filename().string();
  const auto log = out.string() + ".log";
  return extract_clips(
      list_media(source), ExtractionFolder(out), recipe, [log] { return std::make_unique<TextSource>(log); }, options,
      silent, stop);
}

/// Lines of a file, sorted.
inline std::vector<std::string> sorted_lines(const std::filesystem::path& path) {
  std::istringstream text(std::filesystem::exists(path) ? read_file(path) : "");
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace kuda::test
