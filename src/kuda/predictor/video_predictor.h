#pragma once
// A trained model that scores videos and sound files, in any program: <kuda/video.h> when installed. No LibTorch in
// this header. examples/score_video/ is a whole program.
//
//   const VideoPredictor predictor("runs/mine");                       // once: the model, faces, voice, recogniser
//   const VideoScore video = predictor.score("clip.mp4");
//   std::cout << video.explanation.clip.score << ": " << video.report.transcript << '\n';
//   if (!video.missing.vision.empty()) std::cout << "without vision: " << video.missing.vision << '\n';
//
// The numbers are those of `kuda predict --video`. A file is decoded in a child of the process (fork), so that a codec
// that dies costs one file; the rest happens in the calling thread.

#include <filesystem>
#include <memory>
#include <optional>

#include "kuda/extract/clip_report.h"
#include "kuda/predictor/predictor.h"

namespace kuda {

struct VideoOptions {
  PredictorOptions predictor{};
  /// Folder of the weights; empty: those that the checkpoint keeps, else extractors/default below the current folder.
  std::filesystem::path extractor{};
  std::filesystem::path speech_model{};  ///< a Whisper folder (Hugging Face layout) in the place of that in `extractor`
  std::filesystem::path opensmile{};     ///< `opensmile/core`, where the recipe has its columns
  PerModality<bool> without{};           ///< left out of every video, as if it lacked them
  bool any_recipe = false;  ///< also for a model of features that kuda did not make from video; the score means little
};

struct VideoScore {
  ClipReport report;                 ///< what was seen and heard
  PerModality<std::string> missing;  ///< why the model gets nothing of a modality, in words; empty where it gets it
  ClipExplanation explanation;       ///< its `clip` is the score; and what changes without each modality
};

class VideoPredictor {
 public:
  /// Throws as Predictor does; CheckpointError for a model that reads features which kuda did not make from video;
  /// DataError for weights that are not there or are not those of the checkpoint's recipe.
  explicit VideoPredictor(const std::filesystem::path& checkpoint, const VideoOptions& options = {});
  VideoPredictor(VideoPredictor&&) noexcept;
  VideoPredictor& operator=(VideoPredictor&&) noexcept;
  ~VideoPredictor();

  /// The file, or its part between two seconds. From any thread; extractions take turns. Throws DataError naming the
  /// file where nothing of it can be decoded, or where it has nothing that the model reads.
  [[nodiscard]] VideoScore score(const std::filesystem::path& file, double begin = 0,
                                 std::optional<double> end = {}) const;

  [[nodiscard]] const Predictor& predictor() const noexcept;   ///< the same model, for clips that are no videos
  [[nodiscard]] const PredictorFacts& facts() const noexcept;  ///< without the inputs that are left out

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
