#include "kuda/serve/clip_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<DataClip>& some_clips() {
  static const std::vector<DataClip> clips{{.id = "film$_$1", .split = "train", .text = "A fine film"},
                                           {.id = "film$_$2", .split = "test", .text = "Dull"},
                                           {.id = "news$_$1", .split = "test", .text = "FINE weather, \xc3\xa4hnlich"},
                                           {.id = "news$_$2", .split = "valid", .text = ""}};
  return clips;
}

std::vector<std::string> ids_of(const ClipQuery& query) {
  std::vector<std::string> ids;
  for (const auto* clip : find_clips(some_clips(), query).clips) ids.push_back(clip->id);
  return ids;
}

std::string query_error(const std::multimap<std::string, std::string>& parameters) {
  return error_of<DataError>([&] { (void)parse_clip_query(parameters); });
}

TEST(ClipQuery, EverythingByDefault) {
  const auto query = parse_clip_query({});
  EXPECT_EQ(query.limit, 50U);
  EXPECT_EQ(find_clips(some_clips(), query).total, 4U);
  EXPECT_THAT(find_clips({}, query).clips, IsEmpty());
}

TEST(ClipQuery, FindsPartsOfTextsAndIdsInEitherCase) {
  EXPECT_THAT(ids_of({.query = "fine"}), ElementsAre("film$_$1", "news$_$1"));
  EXPECT_THAT(ids_of({.query = "FILM$"}), ElementsAre("film$_$1", "film$_$2"));
  EXPECT_THAT(ids_of({.query = "\xc3\xa4hn"}), ElementsAre("news$_$1"));
  EXPECT_THAT(ids_of({.query = "nothing"}), IsEmpty());
  EXPECT_THAT(ids_of({.split = "test", .query = "fine"}), ElementsAre("news$_$1"));
}

TEST(ClipQuery, PagesKeepTheTotal) {
  const auto page = find_clips(some_clips(), {.offset = 1, .limit = 2});
  EXPECT_EQ(page.total, 4U);
  EXPECT_THAT(ids_of({.offset = 1, .limit = 2}), ElementsAre("film$_$2", "news$_$1"));
  EXPECT_THAT(ids_of({.offset = 9}), IsEmpty());
}

TEST(ClipQuery, MistakesNameTheParameter) {
  EXPECT_THAT(query_error({{"splt", "test"}}), AllOf(HasSubstr("unknown parameter 'splt'"), HasSubstr("'split'")));
  EXPECT_THAT(query_error({{"split", "tests"}}), AllOf(HasSubstr("split: unknown 'tests'"), HasSubstr("'test'")));
  EXPECT_THAT(query_error({{"split", "val"}}), HasSubstr("did you mean 'valid'?"));
  EXPECT_THAT(query_error({{"limit", "5"}, {"limit", "6"}}), HasSubstr("'limit' is there twice"));
  for (const char* limit : {"0", "201", "-1", "5x", "", "99999999999999999999"})
    EXPECT_THAT(query_error({{"limit", limit}}), HasSubstr("limit: expected a whole number from 1 to 200")) << limit;
  EXPECT_THAT(query_error({{"offset", "x"}}), HasSubstr("offset: expected a whole number from 0"));
  EXPECT_THAT(query_error({{"query", std::string(201, 'q')}}), HasSubstr("query: expected at most 200 characters"));
  std::string long_word;
  for (int i = 0; i < 200; ++i) long_word += "\xe5\xa5\xbd";
  EXPECT_EQ(parse_clip_query({{"query", long_word}}).query, long_word);
  EXPECT_LT(query_error({{std::string(5000, 'k'), "1"}}).size(), 300U);
}

}  // namespace
}  // namespace kuda
