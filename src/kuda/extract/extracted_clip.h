#pragma once
// What is made of one clip of raw video, and the file that keeps it: a safetensors file with the arrays "vision" and
// "audio", so that it is a clip for `kuda serve` too, and what was heard and counted in its metadata. No LibTorch.
//
//   write_extracted(folder / (key + ".safetensors"), clip);      // in place as a whole, or not at all
//   const ExtractedClip same = read_extracted(folder / (key + ".safetensors"));

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/modality.h"
#include "kuda/io/array.h"

namespace kuda {

class MappedFile;

struct HeardWord {
  std::string text;
  double begin = 0, end = 0, probability = 0;  ///< seconds
};

/// Counted on the way, for the report.
struct ExtractionFacts {
  double seconds = 0;                      ///< decoded
  std::optional<double> declared_seconds;  ///< what the file promises
  std::int64_t pictures = 0, pictures_with_face = 0, faces = 0, corrupt_pictures = 0, decode_errors = 0;
  bool cut_short = false;     ///< what the file promises never came
  double speaker_margin = 0;  ///< of the choice among several faces: 0 where there is one
  double speech_seconds = 0;
  bool repeated = false;             ///< the recogniser went round in circles and was stopped
  PerModality<std::string> missing;  ///< why the modality is not there, in words; empty where it is
};

/// Where the speaker's face is in one picture: parts of its width and height.
struct FaceBox {
  double time = 0;  ///< seconds
  float left = 0, top = 0, width = 0, height = 0;
};

struct ExtractedClip {
  std::optional<io::Array> vision, audio;  ///< [frames, columns of the recipe] float32; none where missing
  std::string transcript, language;        ///< as recognised
  std::vector<HeardWord> words;
  ExtractionFacts facts;
  std::vector<FaceBox> face_boxes;               ///< of pictures with a face; a file does not keep them
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
