#include "kuda/serve/clip_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string refused(const std::string& body, const ClipLimits& limits = {}) {
  return error_of<DataError>([&] { (void)parse_clips(body, limits); });
}

TEST(ClipJson, OneClipAtTheTop) {
  const auto request = parse_clips(
      R"({"id": "a", "text": "gut ä", "vision": [[1, -2.5, 3e2], [4, 5, 6]], "audio": [[0.5]], "attention": true})",
      {});
  EXPECT_FALSE(request.is_list);
  EXPECT_TRUE(request.with_attention);
  ASSERT_EQ(request.clips.size(), 1U);
  const auto& clip = request.clips[0];
  EXPECT_EQ(clip.id, "a");
  EXPECT_EQ(*clip.text, "gut ä");
  EXPECT_EQ(clip.vision->width, 3);
  EXPECT_EQ(clip.vision->length(), 2);
  EXPECT_THAT(std::vector<float>(clip.vision->values.begin(), clip.vision->values.end()),
              ElementsAre(1, -2.5F, 300, 4, 5, 6));
  EXPECT_EQ(clip.audio->width, 1);
}

TEST(ClipJson, AListOfClipsAndMissingModalities) {
  const auto request = parse_clips(
      R"({"clips": [{"token_ids": [101, 7, 102]}, {"text": "b", "vision": null, "audio": []}], "attention": false})",
      {});
  EXPECT_TRUE(request.is_list);
  EXPECT_FALSE(request.with_attention);
  ASSERT_EQ(request.clips.size(), 2U);
  EXPECT_THAT(request.clips[0].token_ids, ElementsAre(101, 7, 102));
  EXPECT_FALSE(request.clips[0].text.has_value());
  EXPECT_FALSE(request.clips[1].has(Modality::vision));
  EXPECT_FALSE(request.clips[1].has(Modality::audio));
}

TEST(ClipJson, AClipOfTheDataAndWhatIsLeftOut) {
  const auto one = parse_clips(R"({"clip": "a$_$1", "without": ["vision", "audio"], "count": 7})", {});
  EXPECT_EQ(one.clips[0].clip, "a$_$1");
  EXPECT_THAT(one.clips[0].without, ElementsAre(false, true, true));
  EXPECT_EQ(one.nearest, 7);
  const auto many = parse_clips(R"({"clips": [{"clip": "b", "without": []}, {"text": "c", "without": ["text"]}]})", {});
  EXPECT_THAT(many.clips[0].without, ElementsAre(false, false, false));
  EXPECT_THAT(many.clips[1].without, ElementsAre(true, false, false));
  EXPECT_FALSE(many.clips[1].has(Modality::text)) << "there, and left out";
  EXPECT_THAT(parse_clips(R"({"text": "a", "without": ["V", "a", "Audio"]})", {}).clips[0].without,
              ElementsAre(false, true, true));
  EXPECT_THAT(refused(R"({"text": "a", "without": ["X"]})"), HasSubstr("known: text, vision, audio, or T, V, A"));
  EXPECT_THAT(refused(R"({"clip": 7})"), HasSubstr("clip.clip: expected a string"));
  EXPECT_THAT(refused(R"({"text": "a", "without": "vision"})"), HasSubstr("clip.without: expected a list of names"));
  EXPECT_THAT(refused(R"({"text": "a", "without": [1]})"), HasSubstr("clip.without: expected the name of a modality"));
  EXPECT_THAT(refused(R"({"text": "a", "without": [["text"]]})"), HasSubstr("found a list"));
  EXPECT_THAT(refused(R"({"clips": [{"text": "a", "without": ["visoin"]}]})"),
              AllOf(HasSubstr("clips[0].without: unknown modality 'visoin'"), HasSubstr("'vision'")));
  for (const char* count : {"0", "51", "1.5", "\"3\"", "-1", "99999999999999999999"})
    EXPECT_THAT(refused(std::string(R"({"text": "a", "count": )") + count + "}"), HasSubstr("count: expected"))
        << count;
}

TEST(ClipJson, ValuesStayAliveWithTheClip) {
  std::vector<ClipInput> clips;
  {
    auto request = parse_clips(R"({"vision": [[1, 2]]})", {});
    clips = std::move(request.clips);
  }
  EXPECT_EQ(clips[0].vision->values[1], 2);
}

TEST(ClipJson, TextThatIsNoJsonIsRefusedWithThePlace) {
  EXPECT_THAT(refused(""), HasSubstr("not JSON"));
  EXPECT_THAT(refused("{\"text\": \"a\""),
              HasSubstr("not JSON: line 1, column 13: expected ',' or '}', found the end"));
  EXPECT_THAT(refused("{\"text\": \"\xff\"}"), HasSubstr("charset=gbk"));
  EXPECT_THAT(refused("{\"text\": \"secret\"} tail"), AllOf(HasSubstr("not JSON"), Not(HasSubstr("secret"))));
  EXPECT_THAT(refused("{\"text\": \"\xff\"}"), HasSubstr("not JSON"));
  for (const char* number : {"NaN", "Infinity", "-Infinity", "nan", "01", "1e999", "+1"})
    EXPECT_THAT(refused(std::string("{\"vision\": [[") + number + "]]}"), HasSubstr("not JSON")) << number;
}

TEST(ClipJson, ErrorsNameThePlaceAndWhatWasExpected) {
  EXPECT_THAT(refused("[1]"), HasSubstr("request: expected an object"));
  EXPECT_THAT(refused("7"), HasSubstr("request: expected an object"));
  EXPECT_THAT(refused("null"), HasSubstr("request: expected an object"));
  EXPECT_THAT(refused("{}"), HasSubstr("at least one clip"));
  EXPECT_THAT(refused(R"({"clips": []})"), HasSubstr("at least one clip"));
  EXPECT_THAT(refused(R"({"clips": [1]})"), HasSubstr("clips: expected an object, one clip, found a number"));
  EXPECT_THAT(refused(R"({"txt": "a"})"), AllOf(HasSubstr("unknown key 'txt'"), HasSubstr("'text'")));
  EXPECT_THAT(refused(R"({"clips": [{"visoin": []}]})"), AllOf(HasSubstr("clips[0]"), HasSubstr("'vision'")));
  EXPECT_THAT(refused(R"({"text": 7})"), HasSubstr("clip.text: expected a string, found a number"));
  EXPECT_THAT(refused(R"({"text": "a", "text": {}})"), HasSubstr("clip.text: expected a string, found an object"));
  EXPECT_THAT(refused(R"({"vision": "a"})"), HasSubstr("clip.vision: expected rows of numbers"));
  EXPECT_THAT(refused(R"({"vision": [1, 2]})"), HasSubstr("clip.vision: expected rows of numbers"));
  EXPECT_THAT(refused(R"({"vision": [[1, "2"]]})"), HasSubstr("clip.vision[0]: expected a number, found a string"));
  EXPECT_THAT(refused(R"({"vision": [[1, null]]})"), HasSubstr("clip.vision[0]: expected a number, found null"));
  EXPECT_THAT(refused(R"({"vision": [[1, true]]})"), HasSubstr("found true"));
  EXPECT_THAT(refused(R"({"clips": [{"text": "a"}, {"audio": [[1, 2], [3]]}]})"),
              HasSubstr("clips[1].audio[1]: expected 2 features as in the first frame, found 1"));
  EXPECT_THAT(refused(R"({"audio": [[1, 2], [3, 4, 5]]})"), HasSubstr("clip.audio[1]: expected 2 features"));
  EXPECT_THAT(refused(R"({"audio": [[]]})"), HasSubstr("clip.audio[0]: expected at least one feature"));
  EXPECT_THAT(refused(R"({"audio": [[1e39]]})"), HasSubstr("not finite in float32"));
  EXPECT_THAT(refused(R"({"audio": [[0, -2e9]]})"),
              HasSubstr("clip.audio[0]: expected a feature from -1000000000 to 1000000000, found -2000000000"));
  EXPECT_THAT(refused(R"({"clips": null})"), HasSubstr("found null"));
  EXPECT_THAT(refused(R"({"token_ids": [1.5]})"), HasSubstr("clip.token_ids: expected a whole number"));
  EXPECT_THAT(refused(R"({"token_ids": ["a"]})"), HasSubstr("clip.token_ids: expected a whole number"));
  EXPECT_THAT(refused(R"({"attention": 1})"), HasSubstr("attention: expected true or false"));
  EXPECT_THAT(refused(R"({"clips": [{"text": "a"}], "text": "b"})"), HasSubstr("beside 'clips'"));
  EXPECT_THAT(refused(R"({"text": "b", "clips": [{"text": "a"}]})"), HasSubstr("beside the keys of one clip"));
}

TEST(ClipJson, WhatIsNestedTooDeepEndsAtTheFirstBracketTooMany) {
  EXPECT_THAT(refused(R"({"vision": [[[1]]]})"), HasSubstr("clip.vision[0]: expected a number, found a list"));
  const std::string deep(100000, '[');
  EXPECT_THAT(refused(deep), HasSubstr("request: expected an object"));
  EXPECT_THAT(refused("{\"vision\": " + deep), HasSubstr("found a list"));
}

TEST(ClipJson, LimitsAreNamed) {
  ClipLimits limits;
  limits.clips = 2;
  limits.frames = 3;
  limits.text_bytes = 4;
  EXPECT_EQ(parse_clips(R"({"clips": [{"text": "abcd"}, {"audio": [[1], [2], [3]]}]})", limits).clips.size(), 2U);
  EXPECT_THAT(refused(R"({"clips": [{}, {}, {}]})", limits), HasSubstr("clips: expected at most 2"));
  EXPECT_THAT(refused(R"({"audio": [[1], [2], [3], [4]]})", limits),
              HasSubstr("clip.audio: expected at most 3 frames"));
  EXPECT_THAT(refused(R"({"text": "abcde"})", limits), HasSubstr("clip.text: expected at most 4 bytes, found 5"));
  EXPECT_THAT(refused(R"({"token_ids": [1, 2, 3, 4, 5]})", limits), HasSubstr("more than 4 ids"));
}

TEST(ClipJson, AnEndlessKeyIsCut) {
  const auto message = refused("{\"" + std::string(100000, 'k') + "\": 1}");
  EXPECT_LT(message.size(), 300U);
}

}  // namespace
}  // namespace kuda
