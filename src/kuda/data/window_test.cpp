// Truncation and masks: all stored facts of the published loader and of the sound rule, through packing and collating.

#include "kuda/data/window.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kuda/data/collate.h"
#include "kuda/data/sources/pack.h"
#include "kuda/data/test_data.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

bool equal_with_nan(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::equal(a.isnan(), b.isnan()) && torch::equal(a.nan_to_num(0.0), b.nan_to_num(0.0));
}

/// One case of one modality: clips packed as an import packs them.
struct WindowCase {
  Dataset data;
  std::int64_t target = 0;
  torch::Tensor values, starts, released_mask, released_stage1, sound_mask;
};

WindowCase make_case(const io::ArrayFile& file, const std::string& name, const std::string& modality,
                     std::int64_t target) {
  WindowCase c;
  const io::Array& frames = file.at(name + "/in/" + modality);
  const auto plan =
      plan_packing({{frames, modality}}, file.at(name + "/in/" + modality + "_lengths").to_integers("lengths"));
  c.data.vision = empty_feature(plan);
  c.data.vision->values = torch::empty({plan.num_frames(), plan.width}, torch::kFloat32);
  fill_packed(plan, c.data.vision->values.data_ptr<float>());
  for (std::int64_t i = 0; i < frames.shape[0]; ++i) {
    Clip clip;
    clip.video_id = std::to_string(i);
    c.data.clips.push_back(clip);
  }
  c.target = target;
  const auto fact = [&](const std::string& key) { return io::to_tensor(file.at(name + "/" + key)); };
  c.values = fact("out/" + modality);
  c.starts = fact("out/" + modality + "_start");
  c.released_stage1 = fact("out/" + modality + "_mask_stage1").to(torch::kBool);
  c.released_mask = fact("out/" + modality + "_mask_stage2").to(torch::kBool);
  c.sound_mask = fact("sound/" + modality + "_mask").to(torch::kBool);
  return c;
}

std::vector<WindowCase> all_cases() {
  std::vector<WindowCase> cases;
  const auto path = test::shared_file("golden/common/truncate_mask.safetensors");
  if (!std::filesystem::exists(path)) return cases;
  const auto file = io::read_safetensors(path);
  const auto configs = nlohmann::json::parse(file.metadata.at("config"));
  for (const auto& [name, config] : configs.items())
    for (const std::string modality : {"vision", "audio"})
      cases.push_back(make_case(file, name, modality, config[modality]["target"].get<std::int64_t>()));
  return cases;
}

Batch collate_all(const WindowCase& c, MaskRule mask) {
  DataConfig config;
  config.modalities = {"vision"};
  config.vision_length = c.target;
  config.clean = CleanPolicy::minus_inf_only;
  config.mask = mask;
  std::vector<std::int64_t> rows(c.data.clips.size());
  std::iota(rows.begin(), rows.end(), 0);
  return Collator(c.data, nullptr, config)(rows);
}

/// A row that is padding throughout gets its first frame back: attention over nothing is NaN.
torch::Tensor with_first_open(const torch::Tensor& mask) {
  auto open = mask.clone();
  open.select(1, 0).logical_and_(mask.all(1).logical_not());
  return open;
}

TEST(Window, StartsAndMasksEqualEveryFact) {
  const auto cases = all_cases();
  if (cases.empty()) GTEST_SKIP() << "no golden facts";
  ASSERT_EQ(cases.size(), 8U);
  for (const auto& c : cases) {
    for (std::int64_t row = 0; row < c.values.size(0); ++row) {
      auto frames = c.data.vision->clip(row);
      frames = frames.masked_fill(frames == -std::numeric_limits<float>::infinity(), 0);
      const auto length = c.data.vision->lengths[std::size_t(row)], padded = c.data.vision->padded_length;
      const auto released = place_window(frames, padded, length, c.target, MaskRule::released);
      EXPECT_EQ(released.count, c.values.size(1));
      if (c.target < padded) EXPECT_EQ(released.start, c.starts[row].item<std::int64_t>());
      for (std::int64_t i = 0; i < released.count; ++i) {
        EXPECT_EQ(i >= released.valid, c.released_mask[row][i].item<bool>()) << row << " " << i;
        EXPECT_EQ(i >= released.valid, c.released_stage1[row][i].item<bool>()) << "stage 1 cut to the window";
      }
      const auto sound = place_window(frames, padded, length, c.target, MaskRule::sound);
      EXPECT_EQ(sound.start, released.start);
      for (std::int64_t i = 0; i < sound.count; ++i)
        EXPECT_EQ(i >= sound.valid, c.sound_mask[row][i].item<bool>()) << row << " " << i;
    }
  }
}

TEST(Window, ReleasedBatchesEqualEveryFact) {
  const auto cases = all_cases();
  if (cases.empty()) GTEST_SKIP() << "no golden facts";
  for (const auto& c : cases) {
    const auto batch = collate_all(c, MaskRule::released);
    const auto count = c.values.size(1);  // where more was asked for than there is, the rest is padding
    EXPECT_EQ(batch.vision.values.size(1), c.target);
    EXPECT_TRUE(equal_with_nan(batch.vision.values.slice(1, 0, count), c.values));
    EXPECT_TRUE(torch::equal(batch.vision.padding.slice(1, 0, count), with_first_open(c.released_mask)));
    EXPECT_TRUE(batch.vision.padding.slice(1, count).all().item<bool>());
    EXPECT_TRUE((batch.vision.values.slice(1, count) == 0).all().item<bool>());
  }
}

TEST(Window, SoundBatchesEqualEveryFactAndShowNothingBeyondTheMask) {
  const auto cases = all_cases();
  if (cases.empty()) GTEST_SKIP() << "no golden facts";
  for (const auto& c : cases) {
    const auto batch = collate_all(c, MaskRule::sound);
    const auto count = c.values.size(1);
    EXPECT_TRUE(torch::equal(batch.vision.padding.slice(1, 0, count), c.sound_mask));
    const auto expected =
        c.values.masked_fill(c.sound_mask.unsqueeze(2), 0).masked_fill(batch.vision.missing.view({-1, 1, 1}), 0);
    EXPECT_TRUE(equal_with_nan(batch.vision.values.slice(1, 0, count), expected));
    EXPECT_TRUE(torch::equal(batch.vision.lengths, batch.vision.padding.logical_not().sum(1)));
  }
}

TEST(Window, NonzeroFollowsTheFramesOfLeftPaddedClips) {
  const auto frames = torch::tensor({{0.F}, {0.F}, {3.F}, {0.F}, {5.F}});  // declared 2, real signal at the end
  const auto window = place_window(frames, 7, 2, 7, MaskRule::nonzero);
  EXPECT_EQ(window.start, 2);
  EXPECT_EQ(window.valid, 3);
  EXPECT_EQ(place_window(frames, 7, 2, 2, MaskRule::nonzero).valid, 2);
  const auto aligned = place_window(frames, 7, 2, 7, MaskRule::nonzero, true);
  EXPECT_EQ(aligned.start, 0);
  EXPECT_EQ(aligned.valid, 5);
  EXPECT_EQ(place_window(torch::zeros({4, 1}), 7, 2, 7, MaskRule::nonzero).valid, 1);
}

}  // namespace
}  // namespace kuda
