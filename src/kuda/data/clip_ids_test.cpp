// What ids say of clips.

#include "kuda/data/clip_ids.h"

#include <gmock/gmock.h>

#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ClipIds, RepeatedIdsAreNamedWithTheirSplits) {
  Dataset data = test::small_dataset();
  EXPECT_THAT(repeated_ids(data.clips), ElementsAre());
  require_unique_ids(data);
  for (auto& clip : data.clips) clip.video_id = "0", clip.clip_id = "";
  EXPECT_THAT(repeated_ids(data.clips), ElementsAre("0", "0"));
  EXPECT_THAT(test::error_of<DataError>([&] { require_unique_ids(data); }),
              HasSubstr("2 clips have the id of another: '0' is the id of 3 clips (train, valid, test)"));
}

TEST(ClipIds, DigestsAreTheFirstBytesOfSha256) {
  std::vector<Clip> clips(1);
  clips[0].video_id = "v";
  clips[0].clip_id = "0001";
  // python: int.from_bytes(hashlib.sha256(b"v$_$0001").digest()[:8], "big", signed=True)
  EXPECT_THAT(id_digests(clips), ElementsAre(-4591711431917942630));
}

TEST(ClipIds, VideosAreThoseOfTheIdsWhereTheyHaveSeveralClips) {
  std::vector<Clip> clips(3);
  for (std::size_t i = 0; i < 3; ++i) {
    clips[i].video_id = i == 2 ? "video_2" : "video_1";
    clips[i].clip_id = std::to_string(i);
  }
  const auto groups = group_by_video(clips);
  EXPECT_TRUE(groups.is_known);
  EXPECT_FALSE(groups.is_from_id) << "video_1 and video_2 are no clips of one 'video'";
  EXPECT_THAT(groups.video, ElementsAre("video_1", "video_1", "video_2"));
}

}  // namespace
}  // namespace kuda
