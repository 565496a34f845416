#include "kuda/extract/face/face.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdio>
#include <set>

#include "kuda/base/error.h"
#include "kuda/extract/face/test_network.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using at::Tensor;
using testing::HasSubstr;

/// What a program writes to its output.
std::string output_of(const std::string& command) {
  std::string all;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return all;
  std::vector<char> block(1 << 16);
  for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), pipe)) > 0;) all.append(block.data(), n);
  ::pclose(pipe);
  return all;
}

/// A clip of the GRID corpus: a speaker before a blue wall, 360 x 288, 25 pictures a second, three seconds.
struct GridClip {
  Tensor pictures;  ///< uint8 [N, 288, 360, 3]
  Tensor energy;    ///< root mean square of 10 ms, 100 a second
};

const GridClip& grid_clip(const std::string& name) {
  static std::map<std::string, GridClip> clips;
  if (const auto found = clips.find(name); found != clips.end()) return found->second;
  const auto start = "ffmpeg -v error -i '" + test::shared_file("data/grid/" + name).string() + "' ";
  const auto rgb = output_of(start + "-f rawvideo -pix_fmt rgb24 -"),
             sound = output_of(start + "-ac 1 -ar 16000 -f s16le -");
  GridClip clip;
  clip.pictures = at::empty({std::int64_t(rgb.size()) / (288 * 360 * 3), 288, 360, 3}, at::kByte);
  std::copy_n(rgb.data(), clip.pictures.numel(), static_cast<char*>(clip.pictures.mutable_data_ptr()));
  auto samples = at::empty({std::int64_t(sound.size()) / 320 * 160}, at::kShort);
  std::copy_n(sound.data(), samples.nbytes(), static_cast<char*>(samples.mutable_data_ptr()));
  clip.energy = samples.to(at::kFloat).view({-1, 160}).square().mean(1).sqrt();
  return clips.emplace(name, clip).first->second;
}

FaceFeatures follow(const FaceModels& models, const Tensor& pictures, double rate, const Tensor& energy = {},
                    FaceOptions options = {}) {
  FaceTracker tracker(models, options);
  for (std::int64_t i = 0; i < pictures.size(0); ++i) tracker.add(pictures[i], double(i) / rate);
  return tracker.finish(energy, 100);
}

std::int64_t seen(const FaceFeatures& features) { return std::ranges::count(features.found, true); }

std::int64_t column(const std::string& name) {
  const auto& names = face_columns();
  return std::ranges::find(names, name) - names.begin();
}

TEST(FaceColumns, AreNamedOnceEach) {
  const auto& names = face_columns();
  EXPECT_EQ(names.size(), 64U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_EQ(names[51], "noseSneerRight");
  EXPECT_EQ(names[52], "head_yaw");
}

TEST(FaceModels, AMissingFolderIsNamed) {
  EXPECT_THAT(test::error_of<CheckpointError>([] { FaceModels models("nowhere/face"); }),
              testing::AllOf(HasSubstr("nowhere/face: no such folder"), HasSubstr("scripts/setup.sh --extractor")));
}

class Faces : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(test::face_folder())) GTEST_SKIP() << "no networks: scripts/setup.sh --extractor";
  }
  static const FaceModels& models() {
    static const FaceModels all(test::face_folder());
    return all;
  }
};

class GridFaces : public Faces {
 protected:
  void SetUp() override {
    Faces::SetUp();
    if (!fs::exists(test::shared_file("data/grid/bbaf2n.mpg"))) GTEST_SKIP() << "no clips (KUDA_SHARED)";
    if (std::system("ffmpeg -version > /dev/null 2>&1") != 0)
      GTEST_SKIP() << "no ffmpeg";  // NOLINT: the program or none
  }
};

TEST_F(GridFaces, AreFoundInEveryPicture) {
  for (const std::string name : {"bbaf2n.mpg", "brbk7n.mpg", "id2_vcd_swwp2s.mpg"}) {
    const auto& clip = grid_clip(name);
    ASSERT_EQ(clip.pictures.size(0), 75) << name;
    const auto face = follow(models(), clip.pictures, 25, clip.energy);
    EXPECT_EQ(seen(face), 75) << name;
    EXPECT_EQ(face.faces, 1) << name;
    EXPECT_EQ(face.cuts, 0) << name;
    EXPECT_EQ(face.margin, 0) << "nobody else was there";
    EXPECT_GT(face.mean_score, 0.9) << name;
    ASSERT_EQ(face.values.sizes(), at::IntArrayRef({75, 64}));
    const auto shapes = face.values.slice(1, 0, 52);
    EXPECT_TRUE(((shapes >= 0) & (shapes <= 1)).all().item<bool>()) << name;
    EXPECT_GT(shapes.select(1, column("jawOpen")).std().item<float>(), 0.01) << "the mouth moves";
    // Frontal faces of about 105 pixels, in the middle of the picture.
    EXPECT_NEAR(face.values.select(1, column("face_width")).mean().item<float>(), 105. / 360, 0.05) << name;
    for (const auto* angle : {"head_yaw", "head_pitch", "head_roll"})
      EXPECT_LT(face.values.select(1, column(angle)).abs().max().item<float>(), 0.4) << name << " " << angle;
  }
}

TEST_F(GridFaces, OfTwoTheOneWhoseMouthGoesWithTheVoiceSpeaks) {
  const auto &left = grid_clip("bbaf2n.mpg"), &right = grid_clip("id2_vcd_swwp2s.mpg");
  const auto both = at::cat({left.pictures, right.pictures}, 2).slice(0, 0, 75, 2);
  for (const bool is_left : {true, false}) {
    const auto face = follow(models(), both, 12.5, is_left ? left.energy : right.energy);
    EXPECT_EQ(face.faces, 2);
    EXPECT_EQ(seen(face), 38);
    for (const auto& box : face.boxes) EXPECT_EQ(box[0] + box[2] / 2 < 360, is_left);
    RecordProperty(is_left ? "left" : "right", fmt::format("r {:.2f}, margin {:.2f}", face.correlation, face.margin));
    EXPECT_GT(face.margin, 0.05) << (is_left ? "left" : "right") << ", " << face.correlation;
  }
}

TEST_F(GridFaces, MostFacesIsKept) {
  const auto both =
      at::cat({grid_clip("bbaf2n.mpg").pictures, grid_clip("brbk7n.mpg").pictures}, 2).slice(0, 0, 3).contiguous();
  EXPECT_EQ(follow(models(), both, 25).faces, 2);
  EXPECT_EQ(follow(models(), both, 25, {}, {.most_faces = 1}).faces, 1);
}

TEST_F(GridFaces, ACutBeginsAnotherFace) {
  const auto &first = grid_clip("bbaf2n.mpg").pictures, &second = grid_clip("id2_vcd_swwp2s.mpg").pictures;
  const auto face = follow(models(), at::cat({first.slice(0, 0, 12), second.slice(0, 0, 12)}), 25);
  EXPECT_EQ(face.cuts, 1);
  EXPECT_EQ(seen(face), 24);
  EXPECT_EQ(face.faces, 1);
}

TEST_F(GridFaces, ThatGoAndComeAreFoundAgain) {
  auto pictures = grid_clip("brbk7n.mpg").pictures.slice(0, 0, 15).clone();
  pictures.slice(0, 5, 10).fill_(0);
  const auto face = follow(models(), pictures, 25);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(face.found[i], i < 5 || i >= 10) << i;
  const auto black = face.values.slice(0, 5, 10);
  EXPECT_EQ(black.abs().max().item<float>(), 0);
}

TEST_F(GridFaces, ThatComeLaterAreFoundWithinASecond) {
  auto both = at::cat({grid_clip("brbk7n.mpg").pictures, grid_clip("bbaf2n.mpg").pictures}, 2).slice(0, 0, 45).clone();
  both.slice(0, 0, 5).slice(2, 360).fill_(120);
  const auto face = follow(models(), both, 25);
  const auto count = face.values.select(1, column("face_count"));
  EXPECT_EQ(count[4].item<float>(), 1);
  EXPECT_EQ(count[30].item<float>(), 2);
}

TEST_F(GridFaces, SmallOnesAreFound) {
  const auto& clip = grid_clip("bbaf2n.mpg").pictures;  // a face of 105 pixels in 1920: 5.5 % of the width
  auto large = at::full({3, 1080, 1920, 3}, 110, at::kByte);
  large.slice(1, 300, 588).slice(2, 900, 1260).copy_(clip.slice(0, 0, 3));
  EXPECT_EQ(seen(follow(models(), large, 25)), 3);
}

TEST_F(GridFaces, TheSamePicturesGiveTheSameBytes) {
  const auto pictures = grid_clip("brbk7n.mpg").pictures.slice(0, 0, 20);
  EXPECT_TRUE(at::equal(follow(models(), pictures, 25).values, follow(models(), pictures, 25).values));
}

TEST_F(Faces, AreNotSeenInNoise) {
  at::manual_seed(1);
  const auto face = follow(models(), at::randint(256, {12, 288, 360, 3}, at::kByte), 25);
  EXPECT_EQ(seen(face), 0);
  EXPECT_EQ(face.faces, 0);
  EXPECT_EQ(face.mean_score, 0);
  EXPECT_EQ(face.values.abs().max().item<float>(), 0);
}

TEST_F(Faces, NoPicturesGiveNoRows) {
  FaceTracker tracker(models(), {});
  EXPECT_EQ(tracker.finish({}, 100).values.sizes(), at::IntArrayRef({0, 64}));
}

TEST_F(Faces, WhatIsNoPictureIsNamed) {
  FaceTracker tracker(models(), {});
  const auto message = [&](const Tensor& picture, double time) {
    return test::error_of<ShapeError>([&] { tracker.add(picture, time); });
  };
  EXPECT_THAT(message(at::zeros({8, 8, 3}), 0),
              HasSubstr("picture 0: expected uint8 [H, W, 3] with pixels side by side, found Float [8, 8, 3]"));
  EXPECT_THAT(message(at::zeros({3, 8, 8}, at::kByte), 0), HasSubstr("found Byte [3, 8, 8]"));
  EXPECT_THAT(message(at::zeros({3, 8, 8}, at::kByte).permute({1, 2, 0}), 0), HasSubstr("pixels side by side"));
  tracker.add(at::zeros({8, 8, 3}, at::kByte), 0);
  EXPECT_THAT(message(at::zeros({8, 9, 3}, at::kByte), 1),
              HasSubstr("picture 1: expected 8 x 8 pixels as before, found 9 x 8"));
  EXPECT_THAT(message(at::zeros({8, 8, 3}, at::kByte), 0),
              HasSubstr("picture 1: expected a time later than 0 s, found 0"));
  EXPECT_THAT(test::error_of<ShapeError>([&] {
                (void)tracker.finish(at::zeros({2, 2}), 100);
              }),
              HasSubstr("speech_energy: expected float32 [S]"));
}

TEST_F(Faces, OptionsOutOfRangeAreNamed) {
  const auto message = [&](FaceOptions options) {
    return test::error_of<ConfigError>([&] { FaceTracker tracker(models(), options); });
  };
  EXPECT_THAT(message({.redetect_seconds = 0}), HasSubstr("redetect_seconds: expected more than 0, found 0"));
  EXPECT_THAT(message({.minimum_score = 1.5}),
              HasSubstr("minimum_score: expected a number between 0 and 1, found 1.5"));
  EXPECT_THAT(message({.most_faces = 0}), HasSubstr("most_faces: expected 1 or more, found 0"));
}

/// A copy of the folder in which one file is another.
TEST_F(Faces, AFolderWithTheWrongNetworksIsNamed) {
  const auto folder = test::scratch_folder("face");
  const auto fresh = [&] {
    fs::remove_all(folder);
    fs::copy(test::face_folder(), folder);
  };
  const auto message = [&] { return test::error_of<CheckpointError>([&] { FaceModels models(folder); }); };
  for (const auto* ending : {".json", ".safetensors"}) {
    fresh();
    fs::copy_file(folder / (std::string("mesh") + ending), folder / (std::string("detector") + ending),
                  fs::copy_options::overwrite_existing);
    EXPECT_THAT(message(), HasSubstr("detector.")) << ending;
  }
  fresh();
  for (const auto* ending : {".json", ".safetensors"})
    fs::copy_file(folder / (std::string("mesh") + ending), folder / (std::string("blendshapes") + ending),
                  fs::copy_options::overwrite_existing);
  EXPECT_THAT(message(), HasSubstr("blendshapes.json: expected blendshapes: [1, 146, 2] to [1, 52]"));
  fresh();
  fs::remove(folder / "canonical.safetensors");
  EXPECT_THAT(message(), HasSubstr("canonical.safetensors: no such file"));
  fresh();
  write_file(folder / "mesh.safetensors", read_file(folder / "mesh.safetensors").substr(0, 100000));
  EXPECT_THAT(test::error_of<FormatError>([&] { FaceModels models(folder); }), HasSubstr("mesh.safetensors"));
}

}  // namespace
}  // namespace kuda
