#include "kuda/data/difference.h"

#include <gmock/gmock.h>

#include <limits>

#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::small_dataset;

/// With frames of its own.
Dataset copy_of(Dataset data) {
  for (auto* feature : {&data.vision, &data.audio}) (*feature)->values = (*feature)->values.clone();
  return data;
}

TEST(FirstDifference, IsEmptyForTheSameData) {
  auto data = small_dataset();
  data.audio->values.view(-1)[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(first_difference(data, copy_of(data)), "");
}

TEST(FirstDifference, NamesTheClipWhoseFramesDiffer) {
  const auto data = small_dataset();
  auto other = copy_of(data);
  const auto frames = other.audio->clip(2);
  frames.view(-1)[0] = 99;
  EXPECT_EQ(first_difference(data, other), "audio of clip '" + data.clips[2].id() + "'");
}

TEST(FirstDifference, SeesLabelsTokensAndWhatIsNotThere) {
  const auto data = small_dataset();
  auto other = copy_of(data);
  other.clips[1].label += 0.25F;
  EXPECT_EQ(first_difference(data, other), "clips");
  other = copy_of(data);
  other.family = MetricFamily::mosi;
  EXPECT_THAT(first_difference(data, other), testing::StartsWith("metric family"));
  other = copy_of(data);
  other.text_bert = torch::ones({3, 3, 4}, torch::kInt32);
  EXPECT_EQ(first_difference(data, other), "text_bert");
  other = copy_of(data);
  other.vision.reset();
  EXPECT_EQ(first_difference(data, other), "vision");
  other = copy_of(data);
  other.vision->lengths[0] += 1;
  EXPECT_EQ(first_difference(data, other), "vision");
}

TEST(FirstDifference, ReadsFramesThatLieInAFile) {
  const test::CaughtLog quiet;
  const auto file = test::data_file("pickle") / "sims_p4_np1.pkl";
  const auto on_demand = read_mmsa_on_demand(file);
  EXPECT_TRUE(is_unread(on_demand));
  EXPECT_EQ(first_difference(on_demand, read_mmsa(file)), "");
  packed(*on_demand.audio).view(-1)[0] += 1;
  EXPECT_THAT(first_difference(on_demand, read_mmsa(file)), testing::StartsWith("audio of clip '"));
}

}  // namespace
}  // namespace kuda
