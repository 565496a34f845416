#pragma once
// What is made of one clip of raw video, and the file that keeps it: a safetensors file with the arrays "vision" and
// "audio", so that it is a clip for `kuda serve` too, and what was heard and counted in its metadata. No LibTorch.
//
//   write_extracted(folder / (key + ".safetensors"), clip);      // in place as a whole, or not at all
//   const ExtractedClip same = read_extracted(folder / (key + ".safetensors"));

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "kuda/extract/clip_report.h"
#include "kuda/io/array.h"

namespace kuda {

class MappedFile;

struct ExtractedClip : ClipReport {
  std::optional<io::Array> vision, audio;  ///< [frames, columns of the recipe] float32; none where missing
  std::string recipe;                      ///< its fingerprint; empty: not recorded (a clip made before recipes were)
  std::string opensmile;                   ///< which one made columns of audio; empty: none, or it is not known
  double vision_rate = 10, audio_rate = 100;     ///< rows a second: those of the recipe, but of a file's clip
  std::shared_ptr<const MappedFile> audio_file;  ///< where the rows of a long clip lie: its pages may be given back
};

void write_extracted(const std::filesystem::path& path, const ExtractedClip& clip);
/// The arrays stay in the file. Throws FormatError and DataError naming file and key.
[[nodiscard]] ExtractedClip read_extracted(const std::filesystem::path& path);

/// Names the file of a clip: SHA-256 of the video's bytes, the part of it and the recipe.
[[nodiscard]] std::string extraction_key(const std::string& video_sha256, double begin, std::optional<double> end,
                                         const std::string& recipe_fingerprint);

}  // namespace kuda
