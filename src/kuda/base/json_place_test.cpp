#include "kuda/base/json_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
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

}  // namespace
}  // namespace kuda
