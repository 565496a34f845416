#pragma once
// What was seen and heard in a video, in words and numbers, without the rows of features: a part of the installed C++
// API. No LibTorch.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/data/modality.h"

namespace kuda {

struct HeardWord {
  std::string text;
  double begin = 0, end = 0, probability = 0;  ///< seconds
};

/// Counted on the way.
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

struct ClipReport {
  std::string transcript, language;  ///< as recognised
  std::vector<HeardWord> words;
  ExtractionFacts facts;
  std::vector<FaceBox> face_boxes;  ///< of pictures with a face; a file of an extracted clip does not keep them
};

}  // namespace kuda
