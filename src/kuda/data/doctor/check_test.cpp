// The doctor: one planted fault after the other, found under its name with the right clips.

#include "kuda/data/doctor/check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kuda/base/file.h"
#include "kuda/data/doctor/inspect.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::make_feature;
using test::small_dataset;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

/// Fingerprint and all, after a change.
Dataset renewed(Dataset data) {
  data.features_digest = features_digest(data);
  data.fingerprint = fingerprint_of(data);
  return data;
}

const Finding& found(const CheckReport& report, const char* name, const char* modality = "") {
  const Finding* finding = report.find(name, modality);
  if (finding == nullptr) throw std::runtime_error(std::string("not found: ") + name);
  return *finding;
}

TEST(Check, ASoundSetHasNotesOnly) {
  Dataset data = small_dataset();
  for (auto& clip : data.clips) clip.unimodal_labels.audio = 0;
  data.clips[2].label = 0.4F;  // both sides of 0
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(report.worst(), Severity::note) << report.text();
  EXPECT_THAT(found(report, "split_sizes").message, HasSubstr("1 / 1 / 1, those of no published set"));
}

TEST(Check, FindsStoredTokensThatAreZeroThroughout) {
  Dataset data = small_dataset();
  data.text_bert = torch::ones({3, 3, 4}, torch::kInt32);
  EXPECT_EQ(check_dataset(renewed(data)).find("empty_tokens", "text"), nullptr);
  data.text_bert[0].zero_();
  data.text_bert[2][1].zero_();  // ids without a mask
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(found(report, "empty_tokens", "text").severity, Severity::warning);
  EXPECT_THAT(found(report, "empty_tokens", "text").message, HasSubstr("2 of 3 clips"));
  EXPECT_THAT(found(report, "empty_tokens", "text").message, HasSubstr("1 of them token ids of zeros"));
  EXPECT_THAT(found(report, "empty_tokens", "text").clips, ElementsAre("video_0001$_$0001", "video_0003$_$0001"));
}

TEST(Check, FindsTextsThatWereCutBeforeTheirEnd) {
  Dataset data = small_dataset();
  data.text_bert = torch::zeros({3, 3, 4}, torch::kInt32);
  const auto set = [&](std::int64_t row, std::vector<int> ids) {
    const auto length = std::int64_t(ids.size());
    data.text_bert[row][0].slice(0, 0, length) = torch::tensor(ids, torch::kInt32);
    data.text_bert[row][1].slice(0, 0, length) = 1;
  };
  set(0, {101, 7, 102});
  set(1, {101, 7, 8, 9});
  set(2, {101, 7, 8, 102});
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(found(report, "cut_tokens", "text").severity, Severity::warning);
  EXPECT_THAT(found(report, "cut_tokens", "text").message, HasSubstr("1 of 3 clips end without the word piece 102"));
  EXPECT_THAT(found(report, "cut_tokens", "text").clips, ElementsAre("video_0002$_$0001"));
  const auto finds = [&] { return check_dataset(renewed(data)).find("cut_tokens", "text") != nullptr; };
  set(0, {101, 7, 5});  // pieces of another kind, without a closing one
  set(2, {101, 7, 8, 6});
  EXPECT_FALSE(finds());
  set(0, {101, 7, 8, 102});  // all are full
  EXPECT_FALSE(finds()) << "one is no sign";
  set(2, {101, 7, 8, 102});
  EXPECT_TRUE(finds());
  set(1, {101, 7, 8, 102});
  data.text_bert[0].slice(1, 2, 4).zero_();  // [101, 7]: one odd clip beside two that are right
  EXPECT_FALSE(finds());
}

TEST(Check, FindsWhatIsWrongWithFrames) {
  Dataset data = small_dataset();
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  data.vision = make_feature({{{0, 0}, {NAN, 4}, {5, -kInfinite}}, {{0, 0}}, {{kInfinite, 10}, {11, 12}}}, 3);
  data.audio = make_feature({{}, {{3}, {4}, {5}, {6}}, {{7}}}, 4);
  data.vision->lengths = {5, 1, 1};
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(report.worst(), Severity::warning);
  EXPECT_THAT(found(report, "not_finite", "vision").message, HasSubstr("1 NaN, 1 +inf, 1 -inf in 2 clips"));
  EXPECT_THAT(found(report, "not_finite", "vision").clips, ElementsAre("video_0001$_$0001", "video_0003$_$0001"));
  EXPECT_THAT(found(report, "length_beyond_array", "vision").clips, ElementsAre("video_0001$_$0001"));
  EXPECT_THAT(found(report, "all_zero", "vision").clips, ElementsAre("video_0002$_$0001"));
  EXPECT_THAT(found(report, "frames_beyond_length", "vision").clips, ElementsAre("video_0003$_$0001"));
  EXPECT_THAT(found(report, "leading_zero_frames", "vision").clips, ElementsAre("video_0001$_$0001"));
  EXPECT_THAT(found(report, "zero_length", "audio").clips, ElementsAre("video_0001$_$0001"));
}

TEST(Check, SuspectsPaddingOnTheLeft) {
  Dataset data = small_dataset();
  data.audio = make_feature({{{0}, {2}}, {{0}, {0}, {5}}, {{7}}}, 4);
  EXPECT_THAT(found(check_dataset(renewed(data)), "leading_zero_frames", "audio").message,
              HasSubstr("padded on the left?"));
}

TEST(Check, TheRowOfClsIsNoPadding) {
  Dataset data = small_dataset();
  data.is_aligned = true;
  data.vision = make_feature({{{0}, {2}}, {{0}, {5}, {0}}, {{0}, {7}}}, 3);  // [CLS] and [SEP] have no frames
  data.audio = make_feature({{{0}, {0}, {2}}, {{0}, {0}, {5}}, {{0}, {7}}}, 3);
  data.text_bert = torch::ones({3, 3, 3}, torch::kInt32);
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(report.find("leading_zero_frames", "vision"), nullptr) << report.text();
  EXPECT_THAT(found(report, "leading_zero_frames", "audio").message, HasSubstr("padded on the left?"))
      << "two of three clips have zeros where a word is";
  data.text_bert[1][0][0] = 7;  // the first piece is a word then
  EXPECT_THAT(found(check_dataset(renewed(data)), "leading_zero_frames", "vision").message,
              HasSubstr("padded on the left?"));
}

TEST(Check, FindsWhatIsWrongWithNamesAndLabels) {
  Dataset data = small_dataset();
  data.clips[1].video_id = data.clips[0].video_id;
  data.clips[2].label = 1.2F;
  data.clips[1].label = kUnknown;
  data.clips[0].unimodal_labels.text = kUnknown;
  data.clips[0].text.clear();
  data.name = "mosi";
  const auto report = check_dataset(renewed(data));
  EXPECT_EQ(report.worst(), Severity::error);
  EXPECT_EQ(report.findings.front().name, "duplicate_id") << "the worst comes first";
  EXPECT_THAT(found(report, "video_in_two_splits").clips, ElementsAre("video_0001"));
  EXPECT_THAT(found(report, "label_out_of_range").clips, ElementsAre("video_0003$_$0001"));
  EXPECT_THAT(found(report, "missing_label").clips, ElementsAre("video_0001$_$0001"));
  EXPECT_THAT(found(report, "missing_unimodal_label", "text").clips, ElementsAre("video_0001$_$0001"));
  EXPECT_NE(report.find("no_unimodal_labels", "audio"), nullptr);
  EXPECT_THAT(found(report, "empty_text").clips, ElementsAre("video_0001$_$0001"));
  EXPECT_THAT(found(report, "split_sizes").message, HasSubstr("1 / 1 / 1, but CMU-MOSI has 1284 / 229 / 686"));
}

/// Texts alone, by id and split.
Dataset named(const std::vector<std::pair<std::string, Split>>& ids) {
  Dataset data;
  for (const auto& [id, split] : ids) {
    Clip clip;
    clip.video_id = id;
    clip.split = split;
    clip.text = id;
    clip.label = data.clips.size() % 2 == 0 ? 0.5F : -0.5F;
    data.clips.push_back(clip);
  }
  return renewed(std::move(data));
}

TEST(Check, LooksForVideosInTwoSplitsByTheFormOfIds) {
  using enum Split;
  for (const char* form : {"{}[{}]", "{}_{}", "{}-{}", "{}_utt{}", "{}_{}.5_99.25", "{}/{}"}) {
    SCOPED_TRACE(form);
    const auto id = [&](const char* video, int clip) { return fmt::format(fmt::runtime(form), video, clip); };
    const std::vector<std::pair<std::string, Split>> sound{{id("ab", 1), train},  {id("ab", 2), train},
                                                           {id("c_d", 1), train}, {id("e", 10), valid},
                                                           {id("e", 11), valid},  {id("f", 1), test}};
    const auto report = check_dataset(named(sound));
    EXPECT_EQ(report.find("video_in_two_splits"), nullptr);
    EXPECT_THAT(found(report, "videos_from_ids").message, HasSubstr("4 videos by the form of ids"));
    auto leaking = sound;
    leaking[1].second = test;
    EXPECT_THAT(found(check_dataset(named(leaking)), "video_in_two_splits").clips, ElementsAre("ab"));
  }
}

TEST(Check, SaysWhereIdsNameNoVideo) {
  using enum Split;
  const auto numbers = check_dataset(named({{"0", train}, {"1", train}, {"2", valid}, {"3", test}}));
  EXPECT_EQ(found(numbers, "videos_unknown").severity, Severity::warning);
  EXPECT_THAT(found(numbers, "videos_unknown").message, HasSubstr("running numbers, as '0'"));
  for (const auto& ids : {std::vector<std::pair<std::string, Split>>{
                              {"train_1", train}, {"train_2", train}, {"valid_1", valid}, {"test_1", test}},
                          {{"s_1", train}, {"s_2", train}, {"s_3", valid}, {"t_4", train}, {"s_5", test}},
                          {{"03bSnISJMiM", train}, {"0h-zjBukYpk", train}, {"x_aB3", test}}}) {
    const auto report = check_dataset(named(ids));
    EXPECT_NE(report.find("videos_unknown"), nullptr) << ids.front().first;
    EXPECT_EQ(report.find("video_in_two_splits"), nullptr) << ids.front().first;
  }
  EXPECT_EQ(check_dataset(named({{"0", test}, {"1", test}})).find("videos_unknown"), nullptr) << "one split: no leaks";
}

TEST(Check, WarnsOfLabelsOnAnotherScale) {
  Dataset data = small_dataset();
  data.family = MetricFamily::mosi;
  for (std::size_t i = 0; i < 3; ++i) data.clips[i].label = float(i % 2);
  EXPECT_THAT(found(check_dataset(renewed(data)), "label_scale").message,
              HasSubstr("labels from 0 to 1: no label is negative"));
}

TEST(Inspect, NamesTheColumnsOfATable) {
  write_file(test::scratch("label.csv"), "Video_ID;clip_id;Text;speaker;mode\nv;1;hello;Ann;dev\n");
  const auto text = inspect_file(test::scratch("label.csv")).text();
  EXPECT_THAT(text, HasSubstr("  speaker   'Ann'  (not used)\n"));
  EXPECT_THAT(text, HasSubstr("  Text      'hello'\n"));
  EXPECT_THAT(text, HasSubstr("separated by ';'"));
  EXPECT_THAT(text, HasSubstr("a table alone is no data set"));
}

TEST(Check, FindsCopiesAndConstantFeatures) {
  Dataset data = small_dataset();
  data.vision = make_feature({{{1, 2}, {1, 4}}, {{7, 8}}, {{1, 2}, {1, 4}}}, 3);
  data.audio = make_feature({{{1}, {2}}, {{3}}, {{1}, {2}}}, 4);
  const auto report = check_dataset(renewed(data));
  EXPECT_THAT(found(report, "duplicate_content").clips, ElementsAre("video_0003$_$0001"));
  EXPECT_THAT(found(report, "duplicate_content").message, HasSubstr("1 of them in another split"));
  EXPECT_THAT(found(report, "constant_features", "vision").message, HasSubstr("1 of 2 features"));
  for (auto& clip : data.clips) clip.split = Split::test;
  EXPECT_THAT(check_dataset(renewed(data)).findings, Not(Contains(Field(&Finding::name, "constant_features"))))
      << "there is no training clip";
}

TEST(Check, FindsFeaturesThatAreNotThoseOfTheFingerprint) {
  Dataset data = small_dataset();
  data.audio->values = data.audio->values + 1;
  EXPECT_NE(check_dataset(data).find("features_changed"), nullptr);
}

TEST(Check, ComparesStoredTokensWithAVocabulary) {
  Dataset data = small_dataset();
  const auto tokenizer =
      WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "fine", "film", "really", "yes"});
  data.text_bert = torch::ones({3, 3, 6}, torch::kInt32);
  data.text_bert[1][0][2] = 10;
  const auto report = check_dataset(renewed(data), &tokenizer);
  EXPECT_THAT(found(report, "token_id_range").clips, ElementsAre("video_0002$_$0001"));
  EXPECT_EQ(found(report, "token_agreement").severity, Severity::error);
}

TEST(Check, RendersAsTextAndJson) {
  Dataset data = small_dataset();
  data.clips[1].video_id = data.clips[0].video_id;
  const auto report = check_dataset(data);
  EXPECT_THAT(report.text(), HasSubstr("error    1 clips have the id of another clip\n         video_0001$_$0001\n"));
  const auto json = nlohmann::json::parse(report.json());
  EXPECT_EQ(json["worst"], "error");
  EXPECT_EQ(json["findings"][0]["clips"][0], "video_0001$_$0001");
}

TEST(Check, RealMosiIsKnownAndItsStandInIsNamed) {
  const auto path = test::shared_file("data/mosi/mosi_utterance.pkl");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data";
  const auto tokenizer = WordPiece::load(test::shared_file("data/vocab/bert-base-uncased/vocab.txt"));
  const auto report = check_dataset(read_mmsa(path), &tokenizer);
  EXPECT_NE(report.find("known_file"), nullptr);
  EXPECT_NE(report.find("stand_in", "vision"), nullptr);
  EXPECT_EQ(report.find("duplicate_id"), nullptr);
  EXPECT_EQ(report.find("video_in_two_splits"), nullptr);
  EXPECT_EQ(report.find("label_out_of_range"), nullptr);
  EXPECT_THAT(found(report, "token_agreement").message, HasSubstr("2199 of 2199"));
  EXPECT_THAT(found(report, "split_sizes").message, HasSubstr("the sizes of CMU-MOSI"));
}

TEST(Inspect, ShowsKeysShapesAndFacts) {
  const test::CaughtLog quiet;
  const auto schema = inspect_file(test::data_file("pickle/sims_p4_np1.pkl"));
  EXPECT_EQ(schema.problem, "");
  EXPECT_THAT(schema.text(), HasSubstr("[3, 6, 3] float32 | [2, 6, 3] float32"));
  EXPECT_THAT(schema.text(), HasSubstr("list of 3 (text) | list of 2 (text)"));
  EXPECT_THAT(schema.text(), HasSubstr("vision: width 2, padded to 4, lengths 2 to 4 (median 3)"));
  const auto json = nlohmann::json::parse(schema.json());
  EXPECT_EQ(json["keys"][1]["name"], "audio");
}

TEST(Inspect, ShowsWhatIsThereWhenItIsNoDataSet) {
  const test::CaughtLog quiet;
  const auto schema = inspect_file(test::data_file("pickle/s_no_audio.pkl"));
  EXPECT_THAT(schema.problem, HasSubstr("audio: the key is missing"));
  EXPECT_THAT(schema.text(), HasSubstr("regression_labels"));
  EXPECT_THAT(inspect_file(test::data_file("pickle/s_root_is_list.pkl")).kind, HasSubstr("root: list"));
}

TEST(Inspect, ShowsPreparedFolders) {
  write_prepared(test::scratch("set"), small_dataset());
  const auto schema = inspect_file(test::scratch("set"));
  EXPECT_EQ(schema.kind, "prepared folder");
  EXPECT_EQ(schema.problem, "");
  EXPECT_THAT(schema.text(), HasSubstr("audio/values"));
}

}  // namespace
}  // namespace kuda
