#include "kuda/extract/face/face.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <span>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/extract/face/detector.h"
#include "kuda/extract/face/head_pose.h"
#include "kuda/extract/face/mesh.h"
#include "kuda/extract/face/shot_cut.h"
#include "kuda/extract/face/speaker.h"

namespace kuda {
namespace {

using at::Tensor;

constexpr double kSameFace = 0.5;   ///< covered by another box: the same face
constexpr std::size_t kBatch = 16;  ///< faces whose blendshapes and pose are computed together
constexpr double kHead = 16;        ///< centimetres: head_scale is the size of such a head in the picture
constexpr std::int64_t kFirstOfPose = kBlendshapes, kFirstOfBox = kFirstOfPose + 6, kScore = kFirstOfBox + 4,
                       kCount = kScore + 1, kColumns = kCount + 1;

}  // namespace

struct FaceModels::Networks {
  explicit Networks(const std::filesystem::path& folder)
      : detector(folder / "detector"), mesh(folder), canonical(folder / "canonical.safetensors") {}
  FaceDetector detector;
  FaceMesh mesh;
  CanonicalFace canonical;
};

FaceModels::FaceModels(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder))
    throw CheckpointError(folder.string() + ": no such folder, though the face needs its networks", kMakeFaceWeights);
  networks_ = std::make_unique<const Networks>(folder);
}
FaceModels::FaceModels(FaceModels&&) noexcept = default;
FaceModels& FaceModels::operator=(FaceModels&&) noexcept = default;
FaceModels::~FaceModels() = default;

struct FaceTracker::State {
  using Row = std::array<float, kColumns>;
  /// A face that is followed, or was.
  struct Track {
    FaceTrack seen;
    std::deque<Row> rows;  ///< one for each picture in which it is seen
    std::vector<Box> boxes;
    Square next;  ///< where to look in the next picture
    Box box;      ///< in the last one
  };

  State(const FaceModels::Networks& models, FaceOptions given) : networks(models), options(given) {}
  void check(const Tensor& picture, double time);
  void detect(const Tensor& picture, double time);
  void follow(const Tensor& picture);
  void take(Track& track, const MeshFace& face);
  void flush();
  FaceFeatures features(const SpeakerChoice& choice) const;

  const FaceModels::Networks& networks;
  FaceOptions options;
  ShotCuts shot_cuts;
  int cuts = 0;
  std::int64_t height = 0, width = 0;
  std::vector<double> times;
  std::vector<int> counts;  ///< faces in each picture
  std::vector<Track> tracks;
  std::vector<std::size_t> followed;  ///< of tracks, in the order in which they were found
  double detected = 0;                ///< when the detector ran last
  bool has_detected = false;
  std::vector<std::pair<std::size_t, std::size_t>> pending;  ///< track and row without blendshapes and pose
  std::vector<Tensor> pending_points;
};

void FaceTracker::State::check(const Tensor& picture, double time) {
  const bool is_picture = picture.dim() == 3 && picture.scalar_type() == at::kByte && picture.is_cpu() &&
                          picture.size(2) == 3 && picture.size(0) > 0 && picture.size(1) > 0 &&
                          picture.stride(2) == 1 && picture.stride(1) == 3;
  if (!is_picture)
    throw ShapeError(fmt::format("picture {}: expected uint8 [H, W, 3] with pixels side by side, found {} [{}]",
                                 times.size(), c10::toString(picture.scalar_type()), fmt::join(picture.sizes(), ", ")));
  if (!times.empty() && (picture.size(0) != height || picture.size(1) != width))
    throw ShapeError(fmt::format("picture {}: expected {} x {} pixels as before, found {} x {}", times.size(), width,
                                 height, picture.size(1), picture.size(0)));
  if (!std::isfinite(time) || (!times.empty() && time <= times.back()))
    throw ShapeError(fmt::format("picture {}: expected a time later than {} s, found {}", times.size(),
                                 times.empty() ? 0 : times.back(), time));
  height = picture.size(0);
  width = picture.size(1);
}

void FaceTracker::State::detect(const Tensor& picture, double time) {
  detected = time;
  has_detected = true;
  for (const auto& face : networks.detector.detect(picture, options.minimum_score, options.most_faces)) {
    const bool is_known =
        std::ranges::any_of(followed, [&](std::size_t i) { return covered(tracks[i].box, face.box) > kSameFace; });
    if (is_known || std::ssize(followed) >= options.most_faces) continue;
    followed.push_back(tracks.size());
    Track& track = tracks.emplace_back();
    track.next = face.square;
    track.box = face.box;
  }
}

void FaceTracker::State::follow(const Tensor& picture) {
  std::vector<Square> squares;
  for (const auto i : followed) squares.push_back(tracks[i].next);
  const auto faces = networks.mesh.points(picture, squares);
  std::vector<std::size_t> kept;
  std::vector<const MeshFace*> meshes;
  for (std::size_t k = 0; k < faces.size(); ++k) {
    if (!(faces[k].score >= options.minimum_score) || !faces[k].is_finite || !(faces[k].box.area() > 0)) continue;
    const bool is_twin =
        std::ranges::any_of(kept, [&](std::size_t i) { return covered(tracks[i].box, faces[k].box) > kSameFace; });
    if (is_twin) continue;  // two that came to lie on one face: the older one stays
    auto& track = tracks[followed[k]];
    track.box = faces[k].box;
    track.next = faces[k].next;
    kept.push_back(followed[k]);
    meshes.push_back(&faces[k]);
  }
  followed = kept;
  for (std::size_t k = 0; k < kept.size(); ++k) take(tracks[kept[k]], *meshes[k]);
  while (!tracks.empty() && tracks.back().rows.empty()) tracks.pop_back();  // of the detector alone
}

void FaceTracker::State::take(Track& track, const MeshFace& face) {
  const auto w = double(width), h = double(height);
  Row row{};
  const std::array<double, 4> box{face.box.left / w, face.box.top / h, (face.box.right - face.box.left) / w,
                                  (face.box.bottom - face.box.top) / h};
  for (std::size_t i = 0; i < box.size(); ++i) row[std::size_t(kFirstOfBox) + i] = float(box[i]);
  row[kScore] = float(face.score);
  pending.emplace_back(std::size_t(&track - tracks.data()), track.rows.size());
  pending_points.push_back(face.points);
  track.rows.push_back(row);
  track.boxes.push_back(face.box);
  track.seen.pictures.push_back(std::ssize(times) - 1);
  track.seen.mouth.push_back(float(face.mouth));
  track.seen.area += face.box.area();
}

void FaceTracker::State::flush() {
  if (pending.empty()) return;
  const auto points = at::stack(pending_points);                       // [N, 478, 3]
  const auto shapes = networks.mesh.blendshapes(points).contiguous();  // [N, 52]
  auto pose = networks.canonical.pose(points).contiguous();            // [N, 6]
  const auto side = double(std::max(width, height));
  for (std::size_t i = 0; i < pending.size(); ++i) {
    auto& row = tracks[pending[i].first].rows[pending[i].second];
    const auto* shape = shapes.const_data_ptr<float>() + std::int64_t(i) * kBlendshapes;
    const auto* turn = pose.const_data_ptr<float>() + std::int64_t(i) * 6;
    std::copy_n(shape, kBlendshapes, row.begin());
    std::copy_n(turn, 3, row.begin() + kFirstOfPose);
    row[kFirstOfPose + 3] = float((turn[3] - double(width) / 2) / side);
    row[kFirstOfPose + 4] = float((turn[4] - double(height) / 2) / side);
    row[kFirstOfPose + 5] = float(turn[5] * kHead / side);
  }
  pending.clear();
  pending_points.clear();
}

FaceFeatures FaceTracker::State::features(const SpeakerChoice& choice) const {
  const auto pictures = std::ssize(times);
  FaceFeatures result;
  result.values = at::zeros({pictures, kColumns}, at::kFloat);
  result.found.assign(times.size(), false);
  result.boxes.assign(times.size(), {});
  result.margin = choice.margin;
  result.correlation = choice.correlation;
  result.cuts = cuts;
  auto* values = result.values.mutable_data_ptr<float>();
  double scores = 0;
  std::int64_t found = 0;
  for (const auto i : choice.order) {
    const auto& track = tracks[std::size_t(i)];
    for (std::size_t k = 0; k < track.rows.size(); ++k) {
      const auto picture = track.seen.pictures[k];
      if (result.found[std::size_t(picture)]) continue;  // a likelier speaker is there
      result.found[std::size_t(picture)] = true;
      std::ranges::copy(track.rows[k], values + picture * kColumns);
      const auto& box = track.boxes[k];
      result.boxes[std::size_t(picture)] = {float(box.left), float(box.top), float(box.right - box.left),
                                            float(box.bottom - box.top)};
      scores += track.rows[k][kScore];
      ++found;
    }
  }
  for (std::int64_t i = 0; i < pictures; ++i) {
    const auto count = counts[std::size_t(i)];
    values[i * kColumns + kCount] = float(count);
    result.faces = std::max(result.faces, count);
  }
  result.mean_score = found > 0 ? scores / double(found) : 0;
  if (!at::isfinite(result.values).all().item<bool>())
    throw CheckpointError("the networks of the face give numbers that are not finite", "make their folder again");
  return result;
}

FaceTracker::FaceTracker(const FaceModels& models, FaceOptions options) {
  if (!(options.redetect_seconds > 0))
    throw ConfigError(fmt::format("redetect_seconds: expected more than 0, found {}", options.redetect_seconds));
  if (!(options.minimum_score > 0 && options.minimum_score < 1))
    throw ConfigError(fmt::format("minimum_score: expected a number between 0 and 1, found {}", options.minimum_score));
  if (options.most_faces < 1)
    throw ConfigError(fmt::format("most_faces: expected 1 or more, found {}", options.most_faces));
  state_ = std::make_unique<State>(models.networks(), options);
}
FaceTracker::~FaceTracker() = default;

void FaceTracker::add(const Tensor& picture, double time) {
  const at::NoGradGuard no_grad;
  auto& s = *state_;
  s.check(picture, time);
  s.times.push_back(time);
  if (s.shot_cuts.is_cut(picture)) {
    ++s.cuts;
    s.followed.clear();
  }
  const bool is_due = !s.has_detected || s.followed.empty() || time - s.detected >= s.options.redetect_seconds;
  if (is_due) s.detect(picture, time);
  s.follow(picture);
  if (s.followed.empty() && !is_due) {  // lost in this very picture
    s.detect(picture, time);
    s.follow(picture);
  }
  s.counts.push_back(int(s.followed.size()));
  if (s.pending.size() >= kBatch) s.flush();
}

FaceFeatures FaceTracker::finish(const Tensor& speech_energy, double energy_rate) {
  const at::NoGradGuard no_grad;
  if (speech_energy.defined() && speech_energy.numel() > 0 &&
      (speech_energy.dim() != 1 || speech_energy.scalar_type() != at::kFloat || !(energy_rate > 0)))
    throw ShapeError(fmt::format("speech_energy: expected float32 [S] and a rate above 0, found {} [{}] at {}",
                                 c10::toString(speech_energy.scalar_type()), fmt::join(speech_energy.sizes(), ", "),
                                 energy_rate));
  auto& s = *state_;
  s.flush();
  std::vector<float> voice;
  if (speech_energy.defined() && speech_energy.numel() > 0) {
    const auto energy = speech_energy.contiguous();
    voice = voice_of_pictures({energy.const_data_ptr<float>(), std::size_t(energy.numel())}, energy_rate, s.times);
  }
  std::vector<FaceTrack> seen;
  for (const auto& track : s.tracks) seen.push_back(track.seen);
  return s.features(choose_speaker(seen, voice));
}

}  // namespace kuda
