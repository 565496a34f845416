// Clips of a data set that the predictor opened, by their ids.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/predictor/test_predictor.h"
#include "kuda/reports/clip_features.h"

namespace kuda {
namespace {

using test::error_of;
using test::input_of;
using test::kPromise;
using testing::AllOf;
using testing::HasSubstr;

class ModelWithData : public test::TrainedModel {
 protected:
  Predictor with_data{folder / "run", {.level = 0.8, .data = folder / "clips"}};
  static ClipInput named(const std::string& id, const PerModality<bool>& without = {}) {
    ClipInput clip;
    clip.clip = id;
    clip.without = without;
    return clip;
  }
};

TEST_F(ModelWithData, ClipsOfTheDataGetTheScoresOfPredict) {
  const auto rows = rows_of(dataset, "all");
  const auto expected = Scorer(folder / "run", dataset).predict(rows);
  std::vector<ClipInput> clips;
  for (const auto& clip : dataset.clips) clips.push_back(named(clip.id()));
  const auto scores = with_data.score(clips);
  ASSERT_EQ(scores.size(), expected.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_EQ(scores[i].id, expected[i].id);
    EXPECT_NEAR(scores[i].score, expected[i].score, kPromise) << scores[i].id;
    EXPECT_TRUE(scores[i].interval.has_value());
  }
}

TEST_F(ModelWithData, ClipsOfTheDataSayWhatIsCutAsThoseThatAreSent) {
  bool is_any_cut = false;
  for (std::size_t i = 0; i < dataset.clips.size(); ++i) {
    const auto given = predictor.score(input_of(dataset, std::int64_t(i))).cut;
    EXPECT_EQ(with_data.score(named(dataset.clips[i].id())).cut, given) << i;
    const auto rest = with_data.score(named(dataset.clips[i].id(), {false, true, false})).cut;
    EXPECT_EQ(rest, (Cuts{given.text, std::nullopt, given.audio})) << i;
    is_any_cut = is_any_cut || given.vision;
  }
  EXPECT_TRUE(is_any_cut) << "or nothing is compared here";
}

TEST_F(ModelWithData, ClipsOfTheDataAndOthersMixInOneCall) {
  const auto id = dataset.clips[4].id();
  auto given = input_of(dataset, 4), silent = given;
  silent.audio.reset();
  const auto scores = with_data.score(
      std::vector<ClipInput>{named(id), given, named(id, {false, false, true}), silent, named(dataset.clips[5].id())});
  EXPECT_NEAR(scores[0].score, scores[1].score, kPromise);
  EXPECT_NEAR(scores[2].score, scores[3].score, kPromise);
  EXPECT_FALSE(scores[2].interval.has_value());
  EXPECT_NEAR(scores[4].score, predictor.score(input_of(dataset, 5)).score, kPromise);
  const auto clip = named(id, {false, true, false});
  const auto explained = with_data.explain(std::span(&clip, 1), /*with_attention=*/true).front();
  EXPECT_FALSE(explained.without.vision.has_value());
  EXPECT_FALSE(explained.attention.vision.has_value());
  EXPECT_TRUE(explained.attention.audio.has_value());
}

TEST_F(ModelWithData, ClipsThatCannotBeTakenAreNamedWithTheNearest) {
  const auto id = dataset.clips[0].id();
  const auto error = [&](const Predictor& model, const ClipInput& clip) {
    return error_of<DataError>([&] { (void)model.score(clip); });
  };
  EXPECT_THAT(error(with_data, named(id + "x")), AllOf(HasSubstr("no clip '" + id + "x'"), HasSubstr("'" + id + "'")));
  EXPECT_THAT(error(with_data, named(std::string(20000, 'x'))), HasSubstr("an id is VIDEO$_$CLIP"));
  EXPECT_LT(error(with_data, named(std::string(20000, 'x'))).size(), 500U);
  EXPECT_THAT(error(predictor, named(id)), AllOf(HasSubstr("no data set"), HasSubstr("--data")));
  EXPECT_THAT(error(with_data, named(id, {true, true, true})), HasSubstr("at least one modality"));
  auto both = named(id);
  both.text = "a fine film";
  EXPECT_THAT(error(with_data, both), HasSubstr("found both"));
  EXPECT_THROW(Predictor(folder / "run", {.data = folder / "nowhere"}), DataError);
}

TEST_F(ModelWithData, FarInputIsFoundInClipsOfTheDataToo) {
  auto loud = dataset;
  loud.vision->values = loud.vision->values * 1000;
  loud.features_digest.clear();
  write_prepared(folder / "loud", loud);
  const Predictor model(folder / "run", {.data = folder / "loud"});
  const auto id = dataset.clips[3].id();
  EXPECT_TRUE(model.score(named(id)).far_input.vision);
  EXPECT_FALSE(model.score(named(id)).far_input.audio);
  EXPECT_FALSE(with_data.score(named(id)).far_input.vision);
}

TEST_F(ModelWithData, AnIdOfSeveralClipsIsAskedBack) {
  auto numbered = dataset;
  for (const std::size_t row : {0, 14}) numbered.clips[row].video_id = "0", numbered.clips[row].clip_id = "";
  write_prepared(folder / "numbered", numbered);
  const Predictor model(folder / "run", {.data = folder / "numbered"});
  EXPECT_THAT(error_of<DataError>([&] { (void)model.score(named("0")); }),
              HasSubstr("clip 1.clip: '0' is the id of 2 clips (train, valid): which one is meant?"));
  EXPECT_EQ(model.score(named(dataset.clips[1].id())).id, dataset.clips[1].id());
}

TEST_F(ModelWithData, ListsItsClipsAndSaysWhetherItWasTrainedOnThem) {
  ASSERT_EQ(with_data.clips().size(), dataset.clips.size());
  EXPECT_EQ(with_data.clips()[3].id, dataset.clips[3].id());
  EXPECT_EQ(with_data.clips()[3].text, dataset.clips[3].text);
  EXPECT_EQ(with_data.clips()[3].split, split_name(dataset.clips[3].split));
  EXPECT_EQ(with_data.clips()[3].label, dataset.clips[3].label);
  const auto& facts = with_data.facts().clips;
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->is_training_data);
  EXPECT_EQ(facts->clips, (std::array<std::size_t, 3>{12, 6, 6}));
  EXPECT_TRUE(predictor.clips().empty());
  EXPECT_FALSE(predictor.facts().clips.has_value());
}

TEST_F(ModelWithData, FeaturesAreTheFusedOnesOfEmbed) {
  const Scorer scorer(folder / "run", dataset);
  const auto rows = rows_of(dataset, "test");
  const auto expected = collect_features(
      *scorer.checkpoint().model, find_model("kuda"), [&](const auto& part) { return scorer.collator()(part); }, rows);
  ASSERT_EQ(expected.panels.back().name, "fused");
  std::vector<ClipInput> clips;
  for (const auto row : rows) clips.push_back(named(dataset.clips[std::size_t(row)].id()));
  clips.push_back(input_of(dataset, rows[0]));
  const auto features = with_data.features(clips);
  ASSERT_EQ(features.size(), rows.size() + 1);
  for (std::size_t i = 0; i < features.size(); ++i) {
    const auto row = expected.panels.back().values[std::int64_t(i % rows.size())];
    ASSERT_EQ(std::int64_t(features[i].size()), row.numel());
    for (std::int64_t d = 0; d < row.numel(); ++d)
      EXPECT_NEAR(features[i][std::size_t(d)], row[d].item<float>(), 1e-5);  // normalised values: of order 1
  }
}

}  // namespace
}  // namespace kuda
