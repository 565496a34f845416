#include "kuda/serve/http/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/error.h"

namespace kuda {
namespace {

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

TEST(Multipart, WhatIsNoFormIsRefused) {
  const auto whole = part("text", "a fine film") + part("id", "7") + "--bound--\r\n";
  for (std::size_t size = 0; size < whole.size() - 2; ++size)
    EXPECT_THROW((void)read_form(kType, whole.substr(0, size)), DataError) << size << " bytes of it";
  std::string many;
  for (int i = 0; i < 17; ++i) many += part(std::to_string(i), "x");
  for (const auto& body :
       {many + "--bound--\r\n", "before\r\n" + whole, std::string("--bound\r\n\r\nno head\r\n--bound--\r\n"),
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
