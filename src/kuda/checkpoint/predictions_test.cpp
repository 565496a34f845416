#include "kuda/checkpoint/predictions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/runs/report.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

std::vector<Prediction> some() {
  return {{"a$_$1", Split::train, 1.0F, 0.1F, {0.3F, kUnknown, -2.5e-8F}, {-0.2F, 1.0F / 3, kUnknown}},
          {"b, \"quoted\"$_$02", Split::test, kUnknown, 1.0F / 3, {}},
          {"c", Split::valid, -0.2F, 16777217.0F, {kUnknown, kUnknown, kUnknown}}};
}

TEST(Predictions, ReadBackBitByBit) {
  const auto path = scratch_folder("csv") / "predictions.csv";
  write_predictions(path, some());
  const auto found = read_predictions(path);
  ASSERT_EQ(found.size(), 3U);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].id, some()[i].id);
    EXPECT_EQ(found[i].split, some()[i].split);
    EXPECT_EQ(found[i].score, some()[i].score);
    EXPECT_EQ(std::isnan(found[i].label), std::isnan(some()[i].label));
  }
  EXPECT_EQ(found[0].unimodal.audio, -2.5e-8F);
  EXPECT_TRUE(std::isnan(found[0].unimodal.vision));
  EXPECT_EQ(found[0].unimodal_labels.text, -0.2F);
  EXPECT_EQ(found[0].unimodal_labels.vision, 1.0F / 3);
  EXPECT_TRUE(std::isnan(found[0].unimodal_labels.audio));
  EXPECT_TRUE(std::isnan(found[2].unimodal_labels.text));
}

TEST(Predictions, FilesWithoutUnimodalLabelsAreRead) {
  const auto path = scratch_folder("csv") / "predictions.csv";
  write_file(path, "id,split,label,prediction,prediction_T,prediction_V,prediction_A\na,test,1,0.5,0.25,,\n");
  const auto found = read_predictions(path);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].unimodal.text, 0.25F);
  for (const float label : found[0].unimodal_labels) EXPECT_TRUE(std::isnan(label));
}

TEST(Predictions, RatioAndPartsAreKeptWhereTheModelGivesThem) {
  const auto path = scratch_folder("csv") / "predictions.csv";
  write_predictions(path, some());
  EXPECT_THAT(read_file(path), testing::Not(HasSubstr("ratio"))) << "the file of other models is as it was";
  auto clips = some();
  clips[0].ratio = {0.25F, 0.75F, 0};
  clips[0].parts = {0.1F, -1.0F / 3, kUnknown};
  clips[0].correction = -0.01F;
  write_predictions(path, clips);
  const auto found = read_predictions(path);
  EXPECT_EQ(found[0].ratio.vision, 0.75F);
  EXPECT_EQ(found[0].ratio.audio, 0);
  EXPECT_EQ(found[0].parts.vision, -1.0F / 3);
  EXPECT_TRUE(std::isnan(found[0].parts.audio));
  EXPECT_EQ(found[0].correction, -0.01F);
  EXPECT_EQ(found[0].unimodal_labels.text, -0.2F) << "no column moved";
  EXPECT_TRUE(std::isnan(found[1].ratio.text) && std::isnan(found[1].correction));
}

TEST(Predictions, ErrorsNameFileLineAndColumn) {
  const auto path = scratch_folder("csv") / "predictions.csv";
  const auto read = [&](const std::string& text) {
    write_file(path, text);
    return error_of<DataError>([&] { (void)read_predictions(path); });
  };
  const std::string header = "id,split,label,prediction,prediction_T,prediction_V,prediction_A\n";
  EXPECT_THAT(read(header + "a,test,1,0,,,\nb,test,1,x,,,\n"), HasSubstr("predictions.csv:3"));
  EXPECT_THAT(read(header + ",test,1,0,,,\n"), HasSubstr("predictions.csv:2: no id"));
  EXPECT_THAT(read(header + "a,test,1,,,,\n"), HasSubstr("no prediction"));
  EXPECT_THAT(read("id,split,label\na,test,1\n"), HasSubstr("prediction"));
  EXPECT_THAT(read(header + "a,dev,1,0,,,\n"), HasSubstr("predictions.csv:2: split: expected train, valid or test"));
  EXPECT_THAT(read(header + "a,test,inf,0,,,\n"), HasSubstr("predictions.csv:2: label: expected a label, found 'inf'"));
  EXPECT_THAT(read(header + "a,test,1,0,,,1e50\n"), HasSubstr("predictions.csv:2: prediction_A: expected a number"));
  EXPECT_THAT(read(header + "a,test,1,0,,,\na,test,1,0,,,\n"),
              HasSubstr("predictions.csv:3: clip 'a' stands in line 2"));
}

TEST(Predictions, OnlyKnownLabelsOfTheSplitAreMeasured) {
  EXPECT_EQ(measure(some(), Split::train, MetricFamily::mosi).n, 1U);
  EXPECT_NEAR(measure(some(), Split::train, MetricFamily::mosi).value("MAE"), 0.9, 1e-6);  // float32
  EXPECT_THROW((void)measure(some(), Split::test, MetricFamily::mosi), DataError);
}

TEST(Report, AnEpochChosenOnTheTestSplitMarksEveryNumber) {
  ReportFacts facts;
  facts.model = "kuda";
  facts.task = "main";
  facts.data = "mosi";
  facts.select = "test";
  facts.chosen_epoch = 3;
  facts.epochs = 9;
  const std::vector<float> train{0.5F, 1.0F};
  const auto report = make_report(facts, some(), train);
  const auto table = report.table(Split::train);
  EXPECT_THAT(table, HasSubstr("CHOSEN ON THE TEST SPLIT"));
  EXPECT_THAT(table, HasSubstr("kuda (chosen on test)"));
  EXPECT_THAT(table, HasSubstr("epoch 3 of 9, lowest test MAE"));
  facts.select_by = "task_loss";
  EXPECT_THAT(make_report(facts, some(), train).table(Split::train), HasSubstr("lowest test task loss"));
  EXPECT_THAT(report.to_json(), HasSubstr("\"chosen_on_test\": true"));
  const auto path = scratch_folder("report") / "metrics.json";
  write_file(path, report.to_json());
  EXPECT_EQ(read_report(path).table(Split::train), table) << "Corr of one clip is undefined and stays so";
  write_file(path, "{\"model\": 3}");
  EXPECT_THAT(error_of<DataError>([&] { (void)read_report(path); }), HasSubstr("metrics.json"));
}

TEST(Report, TextOnlyComesFromTheDecoderWhereEveryClipHasIt) {
  EXPECT_TRUE(text_decoder_scores(some()).empty());
  auto known = some();
  for (auto& prediction : known) prediction.unimodal.text = 0.25F;
  EXPECT_EQ(text_decoder_scores(known)[1].score, 0.25F);
}

}  // namespace
}  // namespace kuda
