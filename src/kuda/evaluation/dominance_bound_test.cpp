#include "kuda/evaluation/dominance_bound.h"

#include <gmock/gmock.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;

/// Clips whose label is that of the modality that is loud: of three scores in (-1, 1), the largest in magnitude.
std::vector<Prediction> loud_clips() {
  Random random(7);
  std::vector<Prediction> clips;
  for (int i = 0; i < 900; ++i) {
    Prediction clip;
    clip.id = "v$_$" + std::to_string(i);
    clip.split = i < 500 ? Split::train : i < 600 ? Split::valid : Split::test;
    Modality loud = Modality::text;
    for (const auto m : kModalities) {
      clip.unimodal[m] = clip.unimodal_labels[m] = float(random.uniform(-1, 1));
      if (std::abs(clip.unimodal[m]) > std::abs(clip.unimodal[loud])) loud = m;
    }
    clip.label = clip.unimodal[loud];
    clips.push_back(clip);
  }
  return clips;
}

TEST(DominanceBound, ARatioThatTheScoresShowIsLearned) {
  const auto bound = measure_bound(loud_clips(), 20);
  ASSERT_EQ(bound.rows.size(), 4U);
  EXPECT_EQ(bound.test, 300U);
  const auto& [late, learned, labels, errors] = std::tie(bound.rows[0], bound.rows[1], bound.rows[2], bound.rows[3]);
  EXPECT_THAT(late.name, HasSubstr("least squares"));
  EXPECT_LT(learned.mae, 0.6 * late.mae);
  EXPECT_LT(learned.difference.high, 0);
  EXPECT_LT(labels.mae, 0.05);              // a perfect ratio of perfect scores
  EXPECT_FLOAT_EQ(labels.mae, errors.mae);  // scores are the labels here
  EXPECT_THAT(bound_text(bound), HasSubstr("300 test clips, k = 20 (500 training, 100 validation clips)"));
}

TEST(DominanceBound, ScoresThatNoRatioCanMend) {
  auto clips = loud_clips();
  for (auto& clip : clips)
    for (const auto m : kModalities) clip.unimodal[m] = 0.1F;  // all say the same
  const auto bound = measure_bound(clips, 6);
  EXPECT_NEAR(bound.rows[2].mae, bound.rows[3].mae, 1e-6);
}

TEST(DominanceBound, AScoreOf1e30DoesNotFillALine) {
  auto clips = loud_clips();
  for (auto& clip : clips) clip.unimodal.text = 1e30F;
  const auto text = bound_text(measure_bound(clips, 6));
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    widest = std::max(widest, text.find('\n', at) - at);
  EXPECT_LE(widest, 120U) << text;
}

TEST(DominanceBound, ReadsTheTablesOfOthers) {
  const auto folder = test::scratch_folder("bound");
  write_file(
      folder / "a.csv",
      "video_id,clip_id,mode,label,label_T,label_A,label_V,pred_T,pred_A,pred_V\nv,1,test,0.5,1,0,,0.1,0.2,0.3\n");
  const auto clips = unimodal_scores(io::read_any_csv(folder / "a.csv"));
  ASSERT_EQ(clips.size(), 1U);
  EXPECT_EQ(clips[0].split, Split::test);
  EXPECT_FLOAT_EQ(clips[0].unimodal.audio, 0.2F);
  EXPECT_FLOAT_EQ(clips[0].unimodal_labels.text, 1);
  EXPECT_TRUE(std::isnan(clips[0].unimodal_labels.vision));
  EXPECT_TRUE(has_unimodal_scores(io::read_any_csv(folder / "a.csv")));
  EXPECT_THAT(error_of<DataError>([&] { (void)measure_bound(clips, 6); }), HasSubstr("no test clip has a label"));
  write_file(folder / "b.csv", "video_id,clip_id,mode,label,label_T,label_A,label_V\nv,1,test,0.5,1,0,0\n");
  EXPECT_FALSE(has_unimodal_scores(io::read_any_csv(folder / "b.csv")));
  EXPECT_THAT(error_of<DataError>([&] { (void)unimodal_scores(io::read_any_csv(folder / "b.csv")); }),
              HasSubstr("prediction_T"));
  write_file(folder / "c.csv", "id,split,label,label_T,label_A,label_V,PRED_T,pred_A\nv$_$1,test,0.5,1,0,0,1,1\n");
  EXPECT_THAT(error_of<DataError>([&] { (void)has_unimodal_scores(io::read_any_csv(folder / "c.csv")); }),
              HasSubstr("no column prediction_V"));
}

}  // namespace
}  // namespace kuda
