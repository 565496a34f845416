#include "kuda/base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace kuda {
namespace {

using Points = std::vector<std::uint32_t>;

Points decoded(const std::string& bytes) {
  const auto text = decode_utf8(bytes);
  return {text.begin(), text.end()};
}

TEST(Utf8, InvalidBytesAreReplacedAsPythonReplacesThem) {
  // The answers of bytes.decode("utf-8", errors="replace") in Python 3.11; R is U+FFFD.
  constexpr std::uint32_t R = 0xFFFD;
  const std::vector<std::pair<std::string, Points>> cases{
      {"\xff", {R}},
      {"\xc0\xaf", {R, R}},
      {"\xe4\xbd\xa0\xe5", {0x4F60, R}},
      {"\x80", {R}},
      {"\xf0\x9f\x98", {R}},
      {"\xed\xa0\xbd\xed\xb8\x80", {R, R, R, R, R, R}},
      {"\xc3", {R}},
      {"\x61\xff\x62", {'a', R, 'b'}},
      {"\xf8\x88\x80\x80", {R, R, R, R}},
      {"\xf4\x90\x80\x80", {R, R, R, R}},
      {"\xe0\x80\x9f", {R, R, R}},
      {"\xef\xbf\xbf", {0xFFFF}},
      {std::string(1, '\0'), {0}},
      {"\xed\xbf\xbf", {R, R, R}},
      {"\x66\xc3\x28", {'f', R, '('}},
      {"\xe2\x82\x28\xa1", {R, '(', R}},
      {"\xf0\x28\x8c\xbc", {R, '(', R, R}},
      {"\xe4\xbd\x41", {R, 'A'}},
      {"\xf0\x9f\x98\x41", {R, 'A'}},
      {"\xf0\x9f\x41", {R, 'A'}},
      {"\xc2\xc2\xa9", {R, 0xA9}},
      {"\xe1\xa0\xc0", {R, R}},
      {"\xf4\x8f\xbf\xbf", {0x10FFFF}},
      {"\xed\x9f\xbf", {0xD7FF}},
      {"\xf0\x80\xaf", {R, R, R}},
  };
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(decoded(bytes), expected) << testing::PrintToString(bytes);
}

TEST(Utf8, CleanTextKeepsItsBytesAndOnlySurrogatesAreReplaced) {
  for (const std::string text : {"", "abc", "多模态, é", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(clean_utf8(text), text);
    EXPECT_TRUE(is_utf8(text));
  }
  EXPECT_EQ(clean_utf8("a\xed\xa0\xbd\xed\xb8\x80z"), "a\xef\xbf\xbd\xef\xbf\xbdz") << "as Python writes them";
  EXPECT_FALSE(is_utf8("a\xed\xa0\xbdz"));
  for (const std::string text :
       {"\xff", "a\x80", "\xc0\xaf", "\xe0\x80\x9f", "\xf4\x90\x80\x80", "\xe4\xbd", "\xed\xa0"}) {
    EXPECT_FALSE(clean_utf8(text)) << testing::PrintToString(text);
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
  }
}

TEST(Utf8, CountsCodePoints) { EXPECT_EQ(count_code_points("aé多\xf0\x9f\x98\x80"), 4U); }

TEST(Utf8, ItemsOfNumpyEndWithTheirLastCharacter) {
  const auto converted = [](const std::u32string& text, bool is_big_endian) {
    std::vector<std::byte> item;
    for (const char32_t c : text)
      for (unsigned i = 0; i < 4; ++i) item.push_back(std::byte(c >> 8 * (is_big_endian ? 3 - i : i) & 0xFFU));
    return utf32_to_utf8(item, is_big_endian);
  };
  const std::u32string text{U'a', 0, 0x591A, 0xD800, 0x1F600, 0, 0};
  for (const bool is_big_endian : {false, true})
    EXPECT_EQ(converted(text, is_big_endian), std::string("a\0多\xef\xbf\xbd\xf0\x9f\x98\x80", 12));
  EXPECT_FALSE(converted({0x110000}, false));
}

TEST(Utf8, EveryCodePointSurvivesEncodingAndDecoding) {
  std::u32string all;
  for (char32_t c = 0; c <= 0x10FFFF; ++c)
    if (c < 0xD800 || c > 0xDFFF) all += c;
  EXPECT_TRUE(decode_utf8(encode_utf8(all)) == all);
}

}  // namespace
}  // namespace kuda
