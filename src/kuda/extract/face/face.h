#pragma once
// The face of a clip as numbers: what MediaPipe's face networks (Apache-2.0) say of each picture, in one process.
//
//   const FaceModels models("extractors/default/face");        // detector, mesh, blendshapes, canonical points
//   FaceTracker tracker(models, {});
//   for (const auto& picture : clip) tracker.add(picture.pixels, picture.time);          // uint8 [H, W, 3], in order
//   const FaceFeatures face = tracker.finish(speech_energy(samples), 100);               // face.values [F, 64]

#include <ATen/core/Tensor.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

struct FaceOptions {
  double redetect_seconds = 1;  ///< new faces are looked for that often, at cuts, and in each picture without a face
  double minimum_score = 0.5;   ///< of the detector for a new face, and of the mesh for one that is followed
  int most_faces = 4;           ///< followed at a time; the best by the detector's score
};

/// The columns of FaceFeatures::values, in order:
///   52 blendshapes ("_neutral", "browDownLeft", ...), 0 to 1;
///   head_yaw, head_pitch, head_roll in radians: towards the right side of the picture, up, anticlockwise;
///   head_x, head_y, head_scale: where the head's middle is, from the middle of the picture, and how large a head of
///     16 cm would be, all in parts of the picture's longer side (y points down);
///   face_left, face_top, face_width, face_height: box of the points, in parts of the picture's width and height;
///   face_score: the mesh's own belief that it sees a face, 0 to 1;
///   face_count: faces followed in that picture.
[[nodiscard]] const std::vector<std::string>& face_columns();

/// The networks, ready to run: read once, used by any number of trackers, from several threads at a time.
class FaceModels {
 public:
  /// Throws CheckpointError where a file is missing or a network is none of these, FormatError or DataError naming file
  /// and place where it is damaged. `scripts/setup.sh --extractor` makes the folder.
  explicit FaceModels(const std::filesystem::path& folder);
  FaceModels(FaceModels&&) noexcept;
  FaceModels& operator=(FaceModels&&) noexcept;
  ~FaceModels();

  struct Networks;
  [[nodiscard]] const Networks& networks() const noexcept { return *networks_; }

 private:
  std::unique_ptr<const Networks> networks_;
};

struct FaceFeatures {
  at::Tensor values;        ///< [F, C] float32, finite; zeros (but face_count) where the face is not seen
  std::vector<bool> found;  ///< [F] the speaker's face is seen
  std::vector<std::array<float, 4>> boxes;  ///< [F] left, top, width, height in pixels; zeros where not found
  int faces = 0;                            ///< most faces in one picture
  /// How sure the choice among several faces is: the correlation of the speaker's mouth with the voice less that of the
  /// best other face beside it. 0 where no choice by voice was made: one face alone, or no voice.
  double margin = 0;
  double correlation = 0;  ///< of the speaker's mouth opening with the voice; 0 where it is not known
  double mean_score = 0;   ///< of face_score where found
  int cuts = 0;            ///< shot cuts seen
};

/// Follows the faces of one clip. Needs memory for the rows of `values` alone, whatever the length.
class FaceTracker {
 public:
  /// `models` must outlive it. Throws ConfigError for options out of range.
  FaceTracker(const FaceModels& models, FaceOptions options);
  FaceTracker(const FaceTracker&) = delete;
  FaceTracker& operator=(const FaceTracker&) = delete;
  ~FaceTracker();

  /// The next picture: uint8 [H, W, 3] on the CPU, pixels of a row side by side (rows may be padded), `time` in
  /// seconds, later than the one before. All pictures of a clip have one size. Throws ShapeError.
  void add(const at::Tensor& picture, double time);
  /// Once, after the last picture. `speech_energy` [S] float32 at `energy_rate` values a second from time 0 (it may be
  /// empty) decides who speaks where there are several faces: the face whose mouth opening goes with it (Pearson's
  /// correlation over the pictures of the face), else the largest.
  [[nodiscard]] FaceFeatures finish(const at::Tensor& speech_energy, double energy_rate);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kuda
