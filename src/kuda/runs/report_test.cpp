#include "kuda/runs/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/models/model.h"

namespace kuda {
namespace {

using json = nlohmann::ordered_json;
using testing::AllOf;
using testing::HasSubstr;

Report some_report() {
  ReportFacts facts;
  facts.model = "tfn";
  facts.task = "main";
  facts.seed = 7;
  facts.data = "mosi";
  facts.data_fingerprint = "abc";
  facts.chosen_epoch = 1;
  facts.epochs = 2;
  std::vector<Prediction> predictions;
  for (const float label : {-1.0F, 0.5F, 2.0F}) {
    Prediction clip;
    clip.id = std::to_string(label);
    clip.split = Split::test;
    clip.label = label;
    clip.score = label / 2;
    predictions.push_back(clip);
  }
  auto report = make_report(facts, predictions, {});
  report.intervals = IntervalCheck{4, {}};
  for (const auto form : kIntervalForms) report.intervals->coverage.push_back({form, 0.9, 3, 2, 0.5});
  return report;
}

TEST(ReadReport, IsTheReverseOfToJson) {
  const auto path = test::scratch_folder("run") / "metrics.json";
  const auto text = some_report().to_json();
  write_file(path, text);
  EXPECT_EQ(read_report(path).to_json(), text);
}

// Which tasks there are is the model's to say, as in runs/procedure.cpp.
TEST(ReadReport, KnowsTheTasksOfTheModel) {
  const auto path = test::scratch_folder("run") / "metrics.json";
  auto object = json::parse(some_report().to_json());
  const auto read = [&](const char* model, const char* task) {
    object["model"] = model;
    object["task"] = task;
    write_file(path, object.dump());
    return read_report(path).facts.task;
  };
  for (const char* task : {"main", "text", "vision", "audio"}) EXPECT_EQ(read("kuda", task), task);
  EXPECT_THAT(test::error_of<DataError>([&] { (void)read("kuda", "fused"); }),
              HasSubstr("task: expected one of main, text, vision, audio"));
  ModelInfo own;
  own.name = "own_model_of_report_test";
  EXPECT_EQ(read(own.name.c_str(), "anything"), "anything") << "a model of another program";
  own.make_config = find_model("tfn").make_config;
  own.pretrain_tasks = [](const auto&, const auto&, const auto& source, const auto&) {
    return std::vector<PretrainTask>{{"faces", Modality::vision, source, {}}};
  };
  add_model(own);
  EXPECT_EQ(read(own.name.c_str(), "faces"), "faces");
  EXPECT_THAT(test::error_of<DataError>([&] { (void)read(own.name.c_str(), "vision"); }),
              HasSubstr("task: expected one of main, faces"));
}

// A file that was damaged, or changed by hand.
TEST(ReadReport, NamesTheFileThePlaceAndWhatItFound) {
  const auto path = test::scratch_folder("run") / "metrics.json";
  const auto whole = json::parse(some_report().to_json());
  const auto error = [&](const std::string& pointer, const json& value) {
    auto object = whole;
    object[json::json_pointer(pointer)] = value;
    write_file(path, object.dump());
    return test::error_of<DataError>([&] { (void)read_report(path); });
  };
  const std::string test = "/splits/test/model", level = "/intervals/split/0.9";
  const struct {
    std::string pointer;
    json value;
    std::string place, found;
  } cases[] = {{"/seed", 1e30, "seed: expected a whole number", "1e+30"},
               {"/seed", -1, "seed: expected a whole number", "-1"},
               {"/seed", "7", "seed: expected a whole number", "\"7\""},
               {"/epochs", 1.5, "epochs: expected a whole number", "1.5"},
               {"/chosen_epoch", nullptr, "chosen_epoch: expected", "null"},
               {"/model", 3, "model: expected a text", "3"},
               {"/is_synthetic", 1, "is_synthetic: expected true or false", "1"},
               {"/family", "moso", "family: expected one of sims, mosi", "\"moso\""},
               {"/select", "best", "select: expected one of valid, last, test", "\"best\""},
               {"/task", 3, "task: expected a text", "3"},
               {"/task", "text", "task: expected one of main", "\"text\""},
               {"/chosen_on_test", "no", "chosen_on_test: expected true or false", "\"no\""},
               {"/chosen_on_test", true, "chosen_on_test: expected false with select = \"valid\"", "true"},
               {"/splits", json::array(), "splits: expected an object", "a list"},
               {"/splits/dev", json::object(), "splits.dev: expected the key to be train, valid or test", "an object"},
               {test, 5, "splits.test.model: expected an object", "5"},
               {test + "/n", -3, "splits.test.model.n: expected a whole number", "-3"},
               {test + "/values/MAE/value", "low", "splits.test.model.values.MAE.value: expected a number", "\"low\""},
               {test + "/values/MAE/n", 1e300, "splits.test.model.values.MAE.n: expected a whole number", "1e+300"},
               {"/intervals/split/most", 1, "intervals.split.most: expected the key to be a probability", "1"},
               {level + "/coverage", 7, "intervals.split.0.9.coverage: expected a number from 0 to 1", "7"},
               {level + "/coverage", nullptr, "intervals.split.0.9.coverage: expected a number from 0 to 1", "null"}};
  for (const auto& one : cases)
    EXPECT_THAT(error(one.pointer, one.value), AllOf(HasSubstr(path.string() + ": " + one.place),
                                                     HasSubstr("found " + one.found), HasSubstr("--restart")));
  for (const std::string gone : {"seed", "splits"}) {
    auto object = whole;
    object.erase(gone);
    write_file(path, object.dump());
    EXPECT_THAT(test::error_of<DataError>([&] { (void)read_report(path); }), HasSubstr(gone + ": it is absent"));
  }
  auto object = whole;
  object["splits"]["test"]["model"]["values"].erase("Corr");
  write_file(path, object.dump());
  EXPECT_THAT(test::error_of<DataError>([&] { (void)read_report(path); }), HasSubstr("values.Corr: it is absent"));
  for (const std::string text : {"", "{", "[1]", "null"}) {
    write_file(path, text);
    EXPECT_THAT(test::error_of<DataError>([&] { (void)read_report(path); }), HasSubstr(path.string())) << text;
  }
}

}  // namespace
}  // namespace kuda
