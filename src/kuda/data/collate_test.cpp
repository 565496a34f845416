// Batches: padding, cleaning, standardising, tokens, labels.

#include "kuda/data/collate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kuda/data/cleaning.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

using test::error_of;
using test::make_feature;
using test::small_dataset;
using testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();

WordPiece tiny_vocabulary() {
  return WordPiece::from_pieces(
      {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "fine", "film", "really", "yes", ","});
}

std::vector<float> numbers(const torch::Tensor& tensor) {
  const auto flat = tensor.contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

/// Training split of four clips with one feature each.
Dataset feature_dataset(std::vector<std::vector<std::vector<float>>> clips, std::int64_t padded) {
  Dataset data;
  data.source = "made";
  for (std::size_t i = 0; i < clips.size(); ++i) {
    Clip clip;
    clip.video_id = "v" + std::to_string(i);
    clip.label = 0.5F;
    data.clips.push_back(clip);
  }
  data.vision = make_feature(clips, padded);
  return data;
}

DataConfig vision_only() {
  DataConfig config;
  config.modalities = {"vision"};
  return config;
}

TEST(Collate, PadsToTheDataAndMarksPadding) {
  const Dataset data = small_dataset();
  const Collator collate(data, nullptr, {});
  const Batch batch = collate({0, 2});
  EXPECT_EQ(batch.ids, (std::vector<std::string>{"video_0001$_$0001", "video_0003$_$0001"}));
  EXPECT_EQ(batch.rows, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(batch.vision.values.sizes(), (std::vector<std::int64_t>{2, 3, 2}));
  EXPECT_EQ(numbers(batch.vision.values[1]), (std::vector<float>{9, 10, 11, 12, 0, 0}));
  EXPECT_TRUE(torch::equal(batch.vision.padding, torch::tensor({{false, false, false}, {false, false, true}})));
  EXPECT_TRUE(torch::equal(batch.audio.lengths, torch::tensor({2, 1}, torch::kInt64)));
  EXPECT_FALSE(batch.text_ids.defined());
  EXPECT_FALSE(batch.text_features.values.defined());
  EXPECT_EQ(numbers(batch.label), (std::vector<float>{data.clips[0].label, data.clips[2].label}));
  EXPECT_TRUE(std::isnan(batch.unimodal_labels.audio[0].item<float>()));
}

TEST(Collate, CropsToTheLongestClipOfTheBatch) {
  const Dataset data = small_dataset();
  DataConfig config;
  config.crop = true;
  const WordPiece tokenizer = tiny_vocabulary();
  const Batch batch = Collator(data, &tokenizer, config)({1, 2});
  EXPECT_EQ(batch.vision.values.size(1), 2);
  EXPECT_EQ(batch.audio.values.size(1), 4);
  EXPECT_FALSE(batch.text_padding.any().item<bool>());
}

TEST(Collate, ABatchOfOneEqualsItsRowInALargerBatch) {
  const Dataset data = small_dataset();
  const WordPiece tokenizer = tiny_vocabulary();
  const Collator collate(data, &tokenizer, {});
  const Batch all = collate({0, 1, 2}), one = collate({1});
  EXPECT_TRUE(torch::equal(all.vision.values[1], one.vision.values[0]));
  EXPECT_TRUE(torch::equal(all.audio.padding[1], one.audio.padding[0]));
  EXPECT_TRUE(torch::equal(all.text_ids[1], one.text_ids[0]));
}

TEST(Collate, PadsBeyondTheDataWhereACheckpointAsksForIt) {
  const Dataset data = small_dataset();
  DataConfig config = vision_only();
  config.vision_length = 5;
  const Collator collate(data, nullptr, config);
  EXPECT_EQ(collate({0}).vision.values.size(1), 5);
  EXPECT_EQ(collate({0}).vision.lengths[0].item<int>(), 3);
  EXPECT_THAT(collate.notes().at(0), HasSubstr("padded to 5"));
}

TEST(Collate, LeavesOutModalitiesThatAreNotInUse) {
  const Dataset data = small_dataset();
  const WordPiece tokenizer = tiny_vocabulary();
  const Collator collate(data, &tokenizer, vision_only());
  const Batch batch = collate({0});
  EXPECT_TRUE(batch.vision.values.defined());
  EXPECT_FALSE(batch.audio.values.defined());
  EXPECT_FALSE(batch.text_ids.defined());
  EXPECT_EQ(collate.shape().present, (PerModality<bool>{false, true, false}));
  EXPECT_EQ(collate.shape().width.audio, 0);
}

TEST(Collate, NamesAModalityThatTheDataLacks) {
  Dataset data = small_dataset();
  data.audio.reset();
  EXPECT_THAT(error_of<DataError>([&] { Collator(data, nullptr, {}); }), HasSubstr("the data set has no audio"));
}

TEST(Collate, AClipWithoutFramesStaysAndIsMarked) {
  Dataset data = feature_dataset({{{1}, {2}}, {}}, 2);
  const Batch batch = Collator(data, nullptr, vision_only())({0, 1});
  EXPECT_TRUE(torch::equal(batch.vision.missing, torch::tensor({false, true})));
  EXPECT_TRUE(torch::equal(batch.vision.padding, torch::tensor({{false, false}, {false, true}})));
  EXPECT_EQ(numbers(batch.vision.values[1]), (std::vector<float>{0, 0}));
}

TEST(Collate, FramesBeyondTheDeclaredLengthAreShownByTheReleasedRuleOnly) {
  Dataset data = feature_dataset({{{1}, {2}, {3}}}, 4);
  data.vision->lengths = {1};
  DataConfig config = vision_only();
  EXPECT_EQ(numbers(Collator(data, nullptr, config)({0}).vision.values), (std::vector<float>{1, 0, 0, 0}));
  config.mask = MaskRule::released;
  EXPECT_EQ(numbers(Collator(data, nullptr, config)({0}).vision.values), (std::vector<float>{1, 2, 3, 0}));
}

TEST(Collate, EachCleaningPolicyDoesWhatItsNameSays) {
  const Dataset data = feature_dataset({{{1}, {NAN}, {3}}, {{-kInf}, {kInf}}, {{8}}}, 3);
  const auto with = [&](CleanPolicy policy, std::int64_t row) {
    DataConfig config = vision_only();
    config.clean = policy;
    return Collator(data, nullptr, config)({row});
  };
  EXPECT_EQ(numbers(with(CleanPolicy::zero, 0).vision.values), (std::vector<float>{1, 0, 3}));
  EXPECT_EQ(numbers(with(CleanPolicy::drop_frame, 0).vision.values), (std::vector<float>{1, 3, 0}));
  EXPECT_EQ(with(CleanPolicy::drop_frame, 0).vision.lengths[0].item<int>(), 2);
  EXPECT_TRUE(with(CleanPolicy::drop_frame, 1).vision.missing[0].item<bool>());
  EXPECT_EQ(numbers(with(CleanPolicy::mean, 0).vision.values), (std::vector<float>{1, 4, 3})) << "mean of 1, 3, 8";
  EXPECT_EQ(numbers(with(CleanPolicy::minus_inf_only, 1).vision.values), (std::vector<float>{0, kInf, 0}));
  const auto message = error_of<DataError>([&] { (void)with(CleanPolicy::fail, 2); });
  EXPECT_THAT(message, HasSubstr("vision: 1 NaN, 1 +inf, 1 -inf in 2 clips (v0, v1)"));
  EXPECT_TRUE(std::isnan(data.vision->values[1][0].item<float>())) << "the data itself is never written to";
}

TEST(Collate, CountsWhatCleaningDid) {
  Dataset data = feature_dataset({{{1}, {NAN}, {3}}, {{-kInf}, {kInf}}, {{8}}, {}}, 3);
  data.vision->lengths[2] = 7;
  data.clips[1].label = 1.5F;
  DataConfig config = vision_only();
  config.clean = CleanPolicy::drop_frame;
  config.labels = LabelRule::clip;
  const auto counts = count_cleaning(data, config);
  const auto& vision = counts.modality.vision;
  EXPECT_EQ(vision.not_finite.nan, 1);
  EXPECT_EQ(vision.not_finite.positive_infinity, 1);
  EXPECT_EQ(vision.not_finite.negative_infinity, 1);
  EXPECT_EQ(vision.clips_affected, 2);
  EXPECT_EQ(vision.frames_dropped, 3);
  EXPECT_EQ(vision.clips_missing, 2);
  EXPECT_EQ(vision.lengths_cut, 1);
  EXPECT_EQ(counts.labels_out_of_range, 1);
  EXPECT_EQ(counts.clips_dropped, 0);
  EXPECT_EQ(describe(counts, config).size(), 5U);
}

TEST(Collate, StandardisesByTheTrainingSplitOnly) {
  Dataset data = feature_dataset({{{1, 7}, {3, 7}}, {{5, 7}}, {{100, 9}}}, 3);
  data.clips[2].split = Split::test;
  DataConfig config = vision_only();
  config.normalise = Normalise::standardise;
  const Collator collate(data, nullptr, config);
  const auto& statistics = collate.normaliser()->modality.vision;
  EXPECT_FLOAT_EQ(statistics.mean[0].item<float>(), 3);
  EXPECT_FLOAT_EQ(statistics.deviation[0].item<float>(), std::sqrt(8.0F / 3));
  EXPECT_EQ(statistics.deviation[1].item<float>(), 0) << "never changes in training";
  const auto train = collate({0}).vision.values[0], test = collate({2}).vision.values[0];
  EXPECT_FLOAT_EQ(train[0][0].item<float>(), -2 / std::sqrt(8.0F / 3));
  EXPECT_EQ(train[2][0].item<float>(), 0) << "padding stays 0";
  EXPECT_EQ(train[0][1].item<float>(), 0);
  EXPECT_EQ(test[0][1].item<float>(), 0) << "a feature without variation in training is ignored";
  EXPECT_GT(test[0][0].item<float>(), 5);
  config.normalise_clip = 5;
  EXPECT_EQ(Collator(data, nullptr, config)({2}).vision.values[0][0][0].item<float>(), 5);
}

TEST(Collate, StandardisingCountsValidFramesOnly) {
  Dataset data = feature_dataset({{{2}, {4}, {1000}}, {}}, 3);
  data.vision->lengths[0] = 2;
  DataConfig config = vision_only();
  config.normalise = Normalise::standardise;
  EXPECT_FLOAT_EQ(Normaliser::fit(data, config).modality.vision.mean[0].item<float>(), 3);
}

TEST(Collate, ANormaliserReadsBackTheSame) {
  Dataset data = small_dataset();
  DataConfig config;
  config.normalise = Normalise::standardise;
  const auto fitted = Normaliser::fit(data, config);
  fitted.save(test::scratch("normaliser.safetensors"));
  const auto loaded = Normaliser::load(test::scratch("normaliser.safetensors"));
  EXPECT_TRUE(torch::equal(loaded.modality.vision.mean, fitted.modality.vision.mean));
  EXPECT_TRUE(torch::equal(loaded.modality.audio.deviation, fitted.modality.audio.deviation));
  EXPECT_FALSE(loaded.modality.text.defined());
  const auto a = Collator(data, nullptr, config)({1}), b = Collator(data, nullptr, config, loaded)({1});
  EXPECT_TRUE(torch::equal(a.vision.values, b.vision.values));
  data.vision = make_feature({{{1}}, {{2}}, {{3}}}, 1);
  EXPECT_THAT(error_of<ShapeError>([&] { Collator(data, nullptr, config, loaded); }),
              HasSubstr("vision has width 1, but the normaliser was made for 2"));
}

TEST(Collate, LabelsOutsideTheRangeAreKeptOrClipped) {
  Dataset data = small_dataset();
  data.clips[0].label = 1.8F;
  DataConfig config;
  EXPECT_EQ(Collator(data, nullptr, config)({0}).label[0].item<float>(), 1.8F);
  config.labels = LabelRule::clip;
  EXPECT_EQ(Collator(data, nullptr, config)({0}).label[0].item<float>(), 1);
}

TEST(Collate, TargetPicksTheLabelAndNamesTheClipThatHasNone) {
  const Dataset data = small_dataset();
  DataConfig config;
  config.target = Modality::vision;
  const auto batch = Collator(data, nullptr, config)({0});
  EXPECT_FLOAT_EQ(batch.label[0].item<float>(), -0.2F);
  EXPECT_EQ(batch.multimodal_label[0].item<float>(), data.clips[0].label) << "is there beside the target";
  config.target = Modality::audio;
  EXPECT_THAT(error_of<DataError>([&] { (void)Collator(data, nullptr, config)({0}); }),
              HasSubstr("clip video_0001$_$0001 has no audio label (label_A)"));
}

TEST(Collate, TokenisesRawTextToTheLongestText) {
  const Dataset data = small_dataset();
  const WordPiece tokenizer = tiny_vocabulary();
  const Collator collate(data, &tokenizer, {});
  EXPECT_EQ(collate.shape().length.text, 10);  // [CLS] a fine film , " really " yes [SEP]; quotes are [UNK]
  const Batch batch = collate({0});
  EXPECT_EQ(batch.text_ids[0][0].item<int>(), 2);
  EXPECT_EQ(batch.text_ids[0][-1].item<int>(), 3);
  DataConfig config;
  config.text_length = 4;
  const Batch cut = Collator(data, &tokenizer, config)({0});
  EXPECT_TRUE(torch::equal(cut.text_ids[0], torch::tensor({2, 5, 6, 3}, torch::kInt64)));
}

TEST(Collate, SaysWhatIsLongerThanItsSequences) {
  Dataset data = small_dataset();
  const WordPiece tokenizer = tiny_vocabulary();
  const auto whole = Collator(data, &tokenizer, {});
  for (std::int64_t row = 0; row < 3; ++row) EXPECT_EQ(whole.cuts(row), Cuts{}) << row;
  DataConfig config;
  config.text_length = 10;
  EXPECT_EQ(Collator(data, &tokenizer, config).cuts(0).text, std::nullopt) << "just long enough";
  config.text_length = 4;
  config.vision_length = data.vision->lengths[0] - 1;
  const auto cuts = Collator(data, &tokenizer, config).cuts(0);
  EXPECT_EQ(cuts.text, (Cut{10, 4}));
  EXPECT_EQ(cuts.vision, (Cut{data.vision->lengths[0], data.vision->lengths[0] - 1}));
  EXPECT_EQ(cuts.audio, std::nullopt);
  config.modalities = {"vision"};
  EXPECT_EQ(Collator(data, &tokenizer, config).cuts(0).text, std::nullopt) << "it is not read at all";
}

TEST(Collate, AClipWithoutTextIsAClipWithoutWords) {
  Dataset data = small_dataset();
  data.clips[1].text.clear();
  const WordPiece tokenizer = tiny_vocabulary();
  const Collator collate(data, &tokenizer, {});
  const Batch batch = collate({1});
  EXPECT_TRUE(torch::equal(batch.text_ids[0].slice(0, 0, 2), torch::tensor({2, 3}, torch::kInt64)));
  EXPECT_THAT(collate.notes(), testing::Contains(HasSubstr("1 of 3 clips have no text")));
  for (auto& clip : data.clips) clip.text.clear();
  EXPECT_THAT(error_of<DataError>([&] { (void)Collator(data, &tokenizer, {}); }), HasSubstr("neither raw text"));
  data.text_bert = torch::zeros({3, 3, 4}, torch::kInt32);
  DataConfig config;
  config.text_source = TextSource::raw;
  EXPECT_THAT(error_of<DataError>([&] { (void)Collator(data, &tokenizer, config); }),
              HasSubstr("no clip has raw text"));
}

/// The small data set with ids as a file would store them.
Dataset with_ids(const WordPiece& tokenizer, std::int64_t length) {
  Dataset data = small_dataset();
  data.text_bert = torch::zeros({3, 3, length}, torch::kInt32);
  for (std::int64_t row = 0; row < 3; ++row) {
    const auto made = tokenizer.encode(data.clips[std::size_t(row)].text, length);
    data.text_bert[row][0] = torch::tensor(made.ids, torch::kInt32);
    data.text_bert[row][1].slice(0, 0, made.length).fill_(1);
  }
  return data;
}

TEST(Collate, StoredIdsThatAgreeWithTheTextGiveTheSameBatch) {
  const WordPiece tokenizer = tiny_vocabulary();
  const Dataset data = with_ids(tokenizer, 12);
  DataConfig config;
  const Batch raw = Collator(data, &tokenizer, config)({0, 1, 2});
  config.text_source = TextSource::tokens;
  const Batch stored = Collator(data, &tokenizer, config)({0, 1, 2});
  EXPECT_EQ(raw.text_ids.size(1), 12);
  EXPECT_TRUE(torch::equal(raw.text_ids, stored.text_ids));
  EXPECT_TRUE(torch::equal(raw.text_padding, stored.text_padding));
  config.text_length = 5;
  EXPECT_EQ(Collator(data, &tokenizer, config)({0}).text_ids[0][-1].item<int>(), 3) << "[SEP] stays";
  EXPECT_EQ(Collator(data, &tokenizer, config).cuts(0).text, (Cut{10, 5}));
}

TEST(Collate, RefusesIdsOfAnotherVocabularyNamingBoth) {
  const WordPiece tokenizer = tiny_vocabulary();
  Dataset data = with_ids(tokenizer, 12);
  DataConfig config;
  config.text_source = TextSource::tokens;
  data.text_bert[1][0][2] = 8;  // a few differences are no other vocabulary
  EXPECT_THAT(Collator(data, &tokenizer, config).notes().at(0), HasSubstr("1 of 3 clips"));
  data.text_bert.select(1, 0).slice(1, 1, 4) = 8;
  EXPECT_THAT(error_of<DataError>([&] { Collator(data, &tokenizer, config); }),
              HasSubstr("belong to another vocabulary than the 11 pieces of vocabulary: only 0 of 3 clips"));
  data.text_bert[2][0][1] = 21127;
  EXPECT_THAT(error_of<DataError>([&] { Collator(data, &tokenizer, config); }),
              HasSubstr("clip video_0003$_$0001: token id 21127 does not fit the 11 pieces of vocabulary"));
  config.text_source = TextSource::automatic;
  EXPECT_NO_THROW(Collator(data, &tokenizer, config)) << "the texts are there, so the ids are not needed";
  for (auto& clip : data.clips) clip.text.clear();
  EXPECT_THAT(error_of<DataError>([&] { Collator(data, &tokenizer, config); }), HasSubstr("token id 21127"));
}

TEST(Collate, ATokenIdBeyondTheVocabularyIsFoundBeforeItReachesTheEmbedding) {
  const auto vocabulary = test::shared_file("data/vocab/bert-base-chinese/vocab.txt");
  if (!std::filesystem::exists(vocabulary)) GTEST_SKIP() << "no shared data";
  const test::CaughtLog quiet;
  const WordPiece tokenizer = WordPiece::load(vocabulary);
  const Dataset data = read_mmsa(test::data_file("pickle/s_token_id_range.pkl"));
  DataConfig config;
  config.text_source = TextSource::tokens;
  EXPECT_THAT(error_of<DataError>([&] { Collator(data, &tokenizer, config); }),
              HasSubstr("does not fit the 21128 pieces"));
}

TEST(Collate, EveryStoredTokenOfRealMosiEqualsItsLowerCasedText) {
  const auto file = test::shared_file("data/mosi/mosi_utterance.pkl");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no shared data";
  const Dataset mosi = read_mmsa(file);
  const auto english = WordPiece::load(test::shared_file("data/vocab/bert-base-uncased/vocab.txt"));
  const auto agreement = token_agreement(mosi, english);
  EXPECT_EQ(agreement.checked, 2199);
  EXPECT_EQ(agreement.equal, 2199) << agreement.example;
  const auto chinese = WordPiece::load(test::shared_file("data/vocab/bert-base-chinese/vocab.txt"));
  DataConfig config;
  config.text_source = TextSource::tokens;
  EXPECT_THAT(error_of<DataError>([&] { Collator(mosi, &chinese, config); }),
              HasSubstr("does not fit the 21128 pieces"));
}

TEST(Collate, EpochOrderIsAPermutationFixedBySeedAndEpoch) {
  std::vector<std::int64_t> rows(100);
  std::iota(rows.begin(), rows.end(), 7);
  const auto first = epoch_order(rows, 1111, 0);
  EXPECT_EQ(first, epoch_order(rows, 1111, 0));
  EXPECT_NE(first, epoch_order(rows, 1111, 1));
  EXPECT_NE(first, epoch_order(rows, 1112, 0));
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, rows);
}

TEST(Collate, EveryOptionRoundTripsThroughItsDescription) {
  DataConfig config;
  Fields fields;
  config.describe(fields);
  EXPECT_EQ(fields.list().size(), 12U);
  config.modalities.clear();
  EXPECT_THROW((void)config.uses(Modality::text), ConfigError);
}

}  // namespace
}  // namespace kuda
