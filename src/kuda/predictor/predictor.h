#pragma once
// A trained model that scores clips, in any program. No LibTorch in this header.
//
//   const Predictor predictor("runs/mosi/seed-1111");                  // once: loads the checkpoint
//   ClipInput clip;
//   clip.text = "a fine film";
//   clip.audio = load_frames("audio.npy", Modality::audio);            // vision is missing: that is allowed
//   const ClipScore score = predictor.score(clip);                     // from any thread
//   std::cout << score.score << " in [" << score.interval->low << ", " << score.interval->high << "]\n";
//
// A clip gets the score that `kuda predict` gives it in the data set that the model was trained on: the same code
// collates it, with the checkpoint's lengths, masks, cleaning, normaliser and vocabulary. Neighbours in a batch change
// it by float32 rounding only.
//
// The clips of a data set can be scored by name, exactly as `kuda predict` scores them:
//
//   const Predictor predictor("runs/mosi/seed-1111", {.data = "mosi"});
//   predictor.clips().front().text;
//   predictor.score(ClipInput{.clip = "03bSnISJMiM$_$1"}.leave_out(Modality::vision));
//
// Nothing is printed and no state of the process is changed. How many threads one forward pass takes is LibTorch's
// setting for the whole process: torch::set_num_threads before the first score, or OMP_NUM_THREADS.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kuda/predictor/clip.h"

namespace kuda {

struct ExtractedClip;

struct PredictorOptions {
  std::string device = "cpu";               ///< or cuda, cuda:1
  std::string precision = "fp32";           ///< or bf16, bf16-emulated, int8: docs/serving.md
  std::int64_t batch_size = 32;             ///< most clips in one forward pass
  double level = 0.9;                       ///< of the intervals, in (0, 1)
  IntervalForm form = IntervalForm::split;  ///< of the intervals
  /// A feature file (*.pkl) or a prepared folder whose clips may be named (ClipInput::clip); empty: none.
  std::filesystem::path data{};
};

/// What a modality must look like.
struct InputFacts {
  bool is_in_use = false;
  std::int64_t width = 0;   ///< features a frame; 0 for text that is read as words
  std::int64_t length = 0;  ///< frames (word pieces) that the model reads; longer clips are cut as in training
};

/// The data set whose clips may be named.
struct ClipSetFacts {
  std::string name;
  bool is_synthetic = false;
  bool is_training_data = false;       ///< the very data the model was trained on
  std::array<std::size_t, 3> clips{};  ///< of train, valid and test
  std::vector<std::string> notes{};    ///< what a user might not expect, for a log
};

struct PredictorFacts {
  std::string model, task;  ///< "kuda", "main"
  std::string text;         ///< "raw", "features" or "none"
  PerModality<InputFacts> inputs{};
  std::int64_t vocabulary = 0;  ///< token ids are below it; 0 where the model reads no words
  double score_low = 0, score_high = 0;
  std::string data;           ///< the data set it was trained on
  bool is_synthetic = false;  ///< those data are made
  std::string recipe{};       ///< by which those data were made from video (TOML); empty: they were not
  std::int64_t epoch = 0, epochs = 0;
  std::string select;                 ///< how the epoch was chosen: "valid", "last", "test", "published"
  std::size_t calibration_clips = 0;  ///< validation clips behind the intervals; 0: there are no intervals
  double level = 0;
  IntervalForm form = IntervalForm::split;
  std::map<std::string, std::string> versions;  ///< of the program that trained it: kuda, revision, libtorch, compiler
  std::optional<ClipSetFacts> clips{};          ///< none without PredictorOptions::data
};

class Predictor {
 public:
  /// `folder`: a checkpoint, or a run folder with one in model/. Throws CheckpointError naming the file; ConfigError
  /// for a device that is not there or lacks the precision, a batch size below 1 and a level outside (0, 1). With data,
  /// also what `kuda predict` throws when they cannot be read or do not fit the model.
  explicit Predictor(const std::filesystem::path& folder, const PredictorOptions& options = {});
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;
  ~Predictor();

  /// All of the following may be called from several threads at once. Clips are prepared side by side; the forward
  /// passes run one at a time, because a model may keep scratch state and one pass uses LibTorch's threads already.

  /// Throws DataError or ShapeError naming the clip, the field, what was expected and what was found, also for values
  /// that are not finite where the checkpoint's data.clean is "fail" (else they are cleaned as in training); Error
  /// naming the clip when its score is not finite. Then no clip of the call has a score.
  [[nodiscard]] ClipScore score(const ClipInput& clip) const;
  [[nodiscard]] std::vector<ClipScore> score(std::span<const ClipInput> clips) const;

  /// With what happens when a modality is missing: one forward pass more for each, and one for the shares. Throws as
  /// score does.
  [[nodiscard]] std::vector<ClipExplanation> explain(std::span<const ClipInput> clips,
                                                     bool with_attention = false) const;

  /// The vector that the model makes of all modalities of a clip, and which its score is read from: one of the same
  /// length for each clip. Neighbours in a batch change it by float32 rounding. Throws as score does; ConfigError for a
  /// model that has none, CheckpointError for a pretraining task.
  [[nodiscard]] std::vector<std::vector<float>> features(std::span<const ClipInput> clips) const;

  /// The clips of PredictorOptions::data, in its order; empty without.
  [[nodiscard]] const std::vector<DataClip>& clips() const noexcept;

  /// What the model reads of a clip that was extracted from raw video by the recipe of its data: the frames, or where
  /// it was trained on data aligned by words (`kuda data pack --align words`) a row for each word piece. `text` stands
  /// instead of the transcript. Throws CheckpointError where the model lacks the word pieces that this takes.
  [[nodiscard]] ClipInput input_of(const ExtractedClip& clip, std::string id,
                                   std::optional<std::string> text = {}) const;

  /// What score would throw before any work, `name` standing for the clip.
  void check(const ClipInput& clip, const std::string& name = "clip") const;
  [[nodiscard]] const PredictorFacts& facts() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
