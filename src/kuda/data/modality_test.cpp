#include "kuda/data/modality.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "kuda/data/batch.h"
#include "kuda/data/dataset.h"

namespace kuda {
namespace {

using testing::ElementsAre;

TEST(PerModality, IsIndexedAndWalkedInTheOrderOfTheModalities) {
  PerModality<std::string> names{"text", "vision", "audio"};
  for (const auto modality : kModalities) EXPECT_EQ(names[modality], modality_name(modality));
  EXPECT_THAT(names, ElementsAre("text", "vision", "audio"));
  EXPECT_EQ(std::distance(names.begin(), std::find(names.begin(), names.end(), "audio")), 2);
  for (auto& name : names) name += '!';
  names[Modality::vision] = "video";
  EXPECT_EQ(names, (PerModality<std::string>{"text!", "video", "audio!"}));
  EXPECT_NE(names, (PerModality<std::string>{"text!", "audio!", "video"}));
}

TEST(PerModality, HoldsZerosWhereNothingIsGiven) {
  const PerModality<int> counts;
  EXPECT_THAT(counts, ElementsAre(0, 0, 0));
  static_assert(PerModality<int>{1, 2}[Modality::audio] == 0);
}

TEST(PerModality, BatchesAndDataSetsGiveTheirMembersByModality) {
  Batch batch;
  EXPECT_EQ(&batch[Modality::text], &batch.text_features);
  EXPECT_EQ(&batch[Modality::vision], &batch.vision);
  EXPECT_EQ(&batch[Modality::audio], &batch.audio);
  Dataset data;
  EXPECT_EQ(&data.feature(Modality::text), &data.text_features);
  EXPECT_EQ(&data.feature(Modality::vision), &data.vision);
  EXPECT_EQ(&data.feature(Modality::audio), &data.audio);
}

}  // namespace
}  // namespace kuda
