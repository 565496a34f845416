#include "kuda/base/json_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/json_lines.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using testing::HasSubstr;

TEST(JsonPlace, WhatIsOfAnotherKindOrOutOfItsRangeIsNamedWithItsPlace) {
  const auto object = JsonPlace::json::parse(
      R"({"a": {"big": 1e30, "huge": 18446744073709551615, "below": -1, "half": 0.5, "text": "x", "list": [1], "no": null,
          "most": 9223372036854775807, "yes": true}})");
  const JsonPlace root(object, "m.json");
  const auto a = root.at("a");
  const auto error = [](const auto& action) { return test::error_of<DataError>(action); };
  for (const char* key : {"big", "huge", "below", "half", "text", "list", "no", "yes"})
    EXPECT_THAT(error([&] { (void)a.at(key).whole(); }),
                HasSubstr("m.json: a." + std::string(key) + ": expected a whole"));
  EXPECT_THAT(error([&] { (void)a.at("big").count(); }), HasSubstr("found 1e+30"));
  EXPECT_EQ(a.at("most").whole(), INT64_MAX);
  for (const char* key : {"text", "list", "yes"})
    EXPECT_THAT(error([&] { (void)a.at(key).number(); }), HasSubstr("expected a number or null"));
  EXPECT_TRUE(std::isnan(a.at("no").number()));
  EXPECT_EQ(a.at("big").number(), 1e30);
  EXPECT_EQ(a.at("half").share(), 0.5);
  for (const char* key : {"big", "below", "no"})
    EXPECT_THAT(error([&] { (void)a.at(key).share(); }), HasSubstr("from 0 to 1"));
  EXPECT_THAT(error([&] { (void)a.at("list").text(); }), HasSubstr("expected a text, found a list"));
  EXPECT_THAT(error([&] { (void)a.at("half").flag(); }), HasSubstr("expected true or false"));
  EXPECT_THAT(error([&] { (void)root.at("b"); }), HasSubstr("m.json: b: it is absent"));
  EXPECT_THAT(error([&] { (void)a.at("list").at("x"); }), HasSubstr("m.json: a.list: expected an object"));
  EXPECT_EQ(a.entries().size(), 9U);
}

// The parser's own words are for those who know it.
TEST(ParseJson, FaultsAreNamedWithLineAndColumn) {
  const auto fault = [](const std::string& text) {
    return test::error_of<DataError>([&] { (void)parse_json(text, "m.json", "take another copy"); });
  };
  const std::pair<const char*, const char*> cases[] = {
      {"", "m.json: not JSON: line 1, column 1: expected a value, found the end\n  hint: take another copy"},
      {"{\"a\": 1,\n \"b\": }", "line 2, column 7: expected a value, found '}'"},
      {"{\"a\" 1}", "line 1, column 6: expected ':', found a number"},
      {"{\"a\": [1, 2", "expected ',' or ']', found the end"},
      {"{\"a\": 1 true", "expected ',' or '}', found true"},
      {"{a: 1}", "expected a name in quotation marks, found invalid literal"},
      {"{\"a\": nope}", "expected a value, found invalid literal"},
      {"{} {}", "line 1, column 4: expected the end, found '{'"},
      {"[1e999]", "number overflow"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(fault(text), HasSubstr(expected)) << text;
    EXPECT_THAT(fault(text), testing::Not(HasSubstr("json.exception"))) << text;
  }
  const auto object = JsonPlace::json::parse(R"({"seed": 7})");
  const auto fault_of = [&](const auto& action) {
    try {
      action();
    } catch (const JsonPlace::json::exception& error) {
      return json_fault(error);
    }
    return std::string("no exception");
  };
  EXPECT_EQ(fault_of([&] { (void)object.at("model"); }), "'model' is absent");
  EXPECT_EQ(fault_of([&] { (void)object.at("seed").at("model"); }), "expected an object, found number");
  EXPECT_EQ(fault_of([&] { (void)object.at("seed").get<std::string>(); }), "expected string, found number");
}

TEST(JsonLines, ListsOfNumbersAloneAreOnOneLine) {
  const auto json = nlohmann::ordered_json::parse(
      R"({"boxes": [[0, 0.281, -1e-3], [0.1, 2, 3]], "none": [], "words": ["[1,\n 2]", "a\"[1, 2"], "mixed": [1, null], "n": [7]})");
  const auto text = with_number_lists_on_one_line(json.dump(2));
  EXPECT_EQ(nlohmann::ordered_json::parse(text), json) << "the same content";
  EXPECT_THAT(text, testing::HasSubstr("\n    [0, 0.281, -0.001],\n    [0.1, 2, 3]\n"));
  EXPECT_THAT(text, testing::HasSubstr("\"n\": [7]"));
  EXPECT_THAT(text, testing::HasSubstr("\"mixed\": [\n"));
}

}  // namespace
}  // namespace kuda
