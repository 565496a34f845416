#include "kuda/serve/http/charset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kText = "{\"text\": \"g\xc3\xbct \xe5\xa5\xbd\"}";

/// kText: two bytes a character.
std::string utf16(bool is_big_endian, bool with_mark) {
  std::u16string text = u"{\"text\": \"g\u00fct \u597d\"}";
  if (with_mark) text.insert(0, 1, u'\ufeff');
  std::string bytes;
  for (const char16_t c : text) {
    const char high = char(c >> 8), low = char(c & 0xff);
    bytes += is_big_endian ? high : low;
    bytes += is_big_endian ? low : high;
  }
  return bytes;
}

TEST(JsonText, Utf16IsFoundByItsFirstBytesWhateverTheTypeSays) {
  for (const char* type : {"application/json", "application/json; charset=utf-8", "application/json; charset=UTF-16"})
    for (const bool is_big_endian : {false, true})
      for (const bool with_mark : {false, true})
        EXPECT_EQ(json_text(utf16(is_big_endian, with_mark), type), kText) << type << is_big_endian << with_mark;
  EXPECT_EQ(json_text(kText, "application/json"), kText);
  EXPECT_EQ(json_text("", "application/json"), "");
}

TEST(JsonText, AnotherCharsetIsReadAsItsNameSays) {
  EXPECT_EQ(json_text("\"g\xfct\"", "application/json; charset=iso-8859-1"), "\"g\xc3\xbct\"");
  EXPECT_EQ(json_text("\"\xba\xc3\"", "application/json; charset=\"GBK\""), "\"\xe5\xa5\xbd\"");
  const auto error = [](const std::string& body, const std::string& type) {
    return test::error_of<DataError>([&] { (void)json_text(body, type); });
  };
  EXPECT_THAT(error("\"\xff\xff\"", "application/json; charset=gbk"), HasSubstr("expected JSON in gbk"));
  EXPECT_THAT(error("{}", "application/json; charset=koi8-r"),
              AllOf(HasSubstr("found 'koi8-r'"), HasSubstr("utf-8, us-ascii")));
}

}  // namespace
}  // namespace kuda
