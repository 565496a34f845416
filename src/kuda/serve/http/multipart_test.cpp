#include "kuda/serve/http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kType = "multipart/form-data; boundary=bound";

std::string part(const std::string& name, const std::string& content, const std::string& more = {}) {
  return "--bound\r\nContent-Disposition: form-data; name=\"" + name + "\"" + more + "\r\n\r\n" + content + "\r\n";
}

std::vector<std::pair<std::string, std::string>> parts_of(const std::string& type, const std::string& body) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& [name, content] : read_form(type, body)) parts.emplace_back(name, content);
  return parts;
}

using Parts = std::vector<std::pair<std::string, std::string>>;

TEST(Multipart, PartsKeepTheirBytes) {
  const std::string bytes("a\r\n--boun\r\n\0--bound\r\n--", 23);
  const auto body = part("text", "a fine film") + part("vision", bytes, "; filename=\"v.npy\"\r\nContent-Type: x/y") +
                    part("empty", "") + "--bound--\r\n";
  EXPECT_EQ(parts_of(kType, body), (Parts{{"text", "a fine film"}, {"vision", bytes}, {"empty", ""}}));
  EXPECT_EQ(parts_of(kType, "--bound--"), Parts{});
  EXPECT_EQ(parts_of(kType, part("a", "b") + "--bound--\r\nwhat follows is no part"), (Parts{{"a", "b"}}));
}

TEST(Multipart, NamesAndBoundariesMayBeQuoted) {
  const auto named = [](const std::string& disposition) {
    return parts_of("Multipart/Form-Data; charset=utf-8; Boundary=\"b: c\"",
                    "--b: c\r\nX: y\r\ncontent-disposition:form-data; " + disposition + "\r\n\r\n1\r\n--b: c--\r\n");
  };
  EXPECT_EQ(named("name=\"a;b\"; filename=\"name=c\""), (Parts{{"a;b", "1"}}));
  EXPECT_EQ(named("filename=\"; name=\\\"x\\\"\"; name=audio"), (Parts{{"audio", "1"}}));
  EXPECT_EQ(named("name=\"a\\\"b\\\\\""), (Parts{{"a\"b\\", "1"}}));
}

TEST(Multipart, AFileInputWithoutAFileIsNoPart) {
  const auto form = [](const std::string& disposition, const std::string& content) {
    return parts_of(kType, part("text", "fine") + part("vision", content, disposition) + "--bound--");
  };
  const std::string type = "\r\nContent-Type: application/octet-stream";
  EXPECT_EQ(form("; filename=\"\"" + type, ""), (Parts{{"text", "fine"}})) << "as browsers send it";
  EXPECT_EQ(form("; filename=\"\"" + type, "x"), (Parts{{"text", "fine"}, {"vision", "x"}}));
  EXPECT_EQ(form("; filename=\"v.npy\"" + type, ""), (Parts{{"text", "fine"}, {"vision", ""}})) << "an empty file";
}

TEST(Multipart, WhatStandsAroundThePartsIsLeftOut) {
  const auto whole = part("text", "a fine film") + "--bound--";
  EXPECT_EQ(parts_of(kType, "This is a form.\r\n\r\n" + whole + "  \r\nand its end"), (Parts{{"text", "a fine film"}}));
  EXPECT_EQ(parts_of(kType, "\r\n" + whole), (Parts{{"text", "a fine film"}}));
  EXPECT_EQ(parts_of(kType, "--bound \t\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--bound  \r\n" +
                                part("c", "d").substr(9) + "--bound--"),
            (Parts{{"a", "b"}, {"c", "d"}}))
      << "spaces after a boundary";
  const auto inner = "x\r\n--boundary\r\ny";
  EXPECT_EQ(parts_of(kType, part("text", inner) + "--bound--"), (Parts{{"text", inner}})) << "a longer line is content";
}

TEST(Multipart, ClientsOfManyKindsAreRead) {
  const auto read = [](const std::string& type, const std::string& head) {
    return parts_of(type, "--b\r\n" + head + "\r\n\r\na fine film\r\n--b--\r\n");
  };
  const Parts expected{{"text", "a fine film"}};
  const std::string type = "multipart/form-data; boundary=b", plain = "Content-Disposition: form-data; name=\"text\"";
  for (const char* each :
       {"multipart/form-data; boundary=b; charset=UTF-8", "multipart/form-data;boundary=\"b\"",
        "MULTIPART/Form-Data ; Charset=utf-8 ; BOUNDARY = b", "multipart/form-data; type=x; boundary=b ; y"})
    EXPECT_EQ(read(each, plain), expected) << each;
  for (const char* head :
       {"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=text",  // .NET
        "Content-Disposition: form-data; name=text; filename=my text.txt; filename*=utf-8''my%20text.txt",
        "Content-Disposition: form-data; filename*=UTF-8''%e2%82%ac; name=\"text\"",
        "CONTENT-DISPOSITION:Form-Data;NAME=\"text\"", "Content-Disposition: form-data;\r\n\tname = \"text\"",
        "content-disposition : form-data ; x ; name=text",
        "Content-Disposition: form-data; name=\"text\"\r\nContent-Type: text/plain; charset=US-ASCII\r\n"
        "Content-Transfer-Encoding: 8bit"})  // Apache HttpClient
    EXPECT_EQ(read(type, head), expected) << head;
  EXPECT_EQ(parts_of(type, "--b\nContent-Disposition: form-data; name=text\n\na fine film\n--b--\n"), expected)
      << "lines made by hand";
}

TEST(Multipart, TextsOfANamedCharsetBecomeUtf8) {
  const auto text_of = [](const std::string& charset, const std::string& bytes) {
    return read_form(kType,
                     "--bound\r\nContent-Disposition: form-data; name=text\r\nContent-Type: text/plain; charset=" +
                         charset + "\r\n\r\n" + bytes + "\r\n--bound--")
        .at(0)
        .content;
  };
  EXPECT_EQ(text_of("GBK", "\xba\xc3"), "\xe5\xa5\xbd") << "the Chinese word for good";
  EXPECT_EQ(text_of("\"gb2312\"", "\xba\xc3"), "\xe5\xa5\xbd");
  EXPECT_EQ(text_of("ISO-8859-1", "caf\xe9"), "caf\xc3\xa9");
  EXPECT_EQ(text_of("Shift_JIS", "\x82\xa0"), "\xe3\x81\x82");
  EXPECT_EQ(text_of("UTF-8", "caf\xc3\xa9"), "caf\xc3\xa9");
  const auto error_of = [&](const std::string& charset, const std::string& bytes) {
    return test::error_of<DataError>([&] { (void)text_of(charset, bytes); });
  };
  EXPECT_THAT(error_of("koi8-r", "x"), AllOf(HasSubstr("text: charset: expected utf-8"), HasSubstr("found 'koi8-r'")));
  EXPECT_THAT(error_of("us-ascii", "caf\xe9"), HasSubstr("expected a text in us-ascii"));
  EXPECT_THAT(error_of("gbk", "\xff\xff"), HasSubstr("expected a text in gbk"));
  const auto packed =
      "--bound\r\nContent-Disposition: form-data; name=text\r\nContent-Transfer-Encoding: base64\r\n\r\n"
      "YSBmaW5l\r\n--bound--";
  EXPECT_THAT(test::error_of<DataError>([&] { (void)read_form(kType, packed); }), HasSubstr("found 'base64'"));
}

TEST(Multipart, ACharsetForAllIsThatOfTextsAlone) {
  const auto parts = parts_of(kType, part("text", "\xba\xc3") + part("vision", "\xba\xc3", "; filename=\"v.npy\"") +
                                         part("_charset_", "gbk") + "--bound--");
  EXPECT_EQ(parts, (Parts{{"text", "\xe5\xa5\xbd"}, {"vision", "\xba\xc3"}}));
}

TEST(Multipart, WhatIsNoFormIsRefused) {
  const auto whole = part("text", "a fine film") + part("id", "7") + "--bound--\r\n";
  for (std::size_t size = 0; size < whole.size() - 2; ++size)
    EXPECT_THROW((void)read_form(kType, whole.substr(0, size)), DataError) << size << " bytes of it";
  std::string many;
  for (int i = 0; i < 17; ++i) many += part(std::to_string(i), "x");
  for (const auto& body :
       {many + "--bound--\r\n", std::string("before--bound--\r\n"),
        std::string("--bound\r\n\r\nno head\r\n--bound--\r\n"),
        std::string("--bound\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--bound--\r\n"),
        std::string("--bound\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nb\r\n--bound--\r\n"),
        std::string("--bound\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--bound--\r\n"),
        "--bound\r\nX: " + std::string(20000, 'x') + "\r\n" + part("a", "b").substr(9) + "--bound--\r\n"})
    EXPECT_THROW((void)read_form(kType, body), DataError) << body.substr(0, 80);
  for (const auto& type :
       {std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"bound"), std::string("text/plain; boundary=bound"),
        "multipart/form-data; boundary=" + std::string(71, 'b')})
    EXPECT_THROW((void)read_form(type, whole), DataError) << type;
}

}  // namespace
}  // namespace kuda
