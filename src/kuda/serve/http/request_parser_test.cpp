#include "kuda/serve/http/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace kuda {
namespace {

using testing::HasSubstr;

constexpr HeadLimits kLimits{.bytes = 1000, .headers = 10};

/// What comes of a text that arrives in pieces of `size` bytes.
struct Parsed {
  HeadEnd head = HeadEnd::partial;
  BodyStep step = BodyStep::partial;
  std::string body, left;
  std::optional<Refusal> refusal;
  Request request;
};

Parsed parsed(const std::string& text, std::size_t size = 100000) {
  RequestParser parser(kLimits);
  BodyReader reader(100000, "");
  Parsed result;
  for (std::size_t at = 0; at < text.size(); at += size) {
    result.left += text.substr(at, size);
    if (result.head == HeadEnd::partial) result.head = parser.read_head(result.left);
    if (result.head == HeadEnd::whole && result.step == BodyStep::partial)
      result.step = parser.read_body(result.left, reader);
  }
  if (result.head == HeadEnd::refused) result.refusal = parser.refusal();
  result.body = reader.text();
  result.request = parser.request();
  return result;
}

int status_of(const std::string& text, std::size_t size = 100000) {
  const auto result = parsed(text, size);
  return result.refusal ? result.refusal->status : 0;
}

TEST(RequestParser, ReadsARequestFromPiecesOfAnySize) {
  const std::string request =
      "\r\nPOST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nX-Empty:\r\n\r\na fine film";
  for (const std::size_t size : {1, 2, 3, 7, 1000}) {
    const auto result = parsed(request, size);
    ASSERT_EQ(result.head, HeadEnd::whole) << size;
    EXPECT_EQ(result.step, BodyStep::whole) << size;
    EXPECT_EQ(result.request.method, "POST");
    EXPECT_EQ(result.request.path, "/a");
    EXPECT_EQ(result.request.header("host"), "x");
    EXPECT_EQ(result.body, "a fine film") << size;
  }
  EXPECT_EQ(parsed(request + "GET / HTTP/1.1\r\n").left, "GET / HTTP/1.1\r\n") << "it is of the next request";
}

TEST(RequestParser, ReadsChunksWithExtensionsAndTrailers) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2;a=b\r\na \r\n00009\r\nfine film\r\n0\r\nX: 5\r\n\r\nGET";
  for (const std::size_t size : {1, 5, 1000}) {
    const auto result = parsed(request, size);
    EXPECT_EQ(result.step, BodyStep::whole) << size;
    EXPECT_EQ(result.body, "a fine film") << size;
    EXPECT_EQ(result.left, "GET") << size;
    EXPECT_EQ(result.request.count("X"), 0U) << "a trailer is no header";
  }
}

TEST(RequestParser, ChunksThatAreNoneEndTheBody) {
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& body : {std::string("zz\r\n{}\r\n"), std::string("2\r\n{}rubbish"), std::string("\r\n\r\n"),
                           std::string("ffffffffffffffffff\r\n{}\r\n"), std::string("0\r\nContent-Length: 5\r\n\r\n"),
                           std::string("-2\r\n{}\r\n")})
    EXPECT_EQ(parsed(head + body).step, BodyStep::stopped) << body;
  for (const auto& body : {std::string(3000, '0'), "2;" + std::string(3000, 'a'), "0\r\nA: " + std::string(3000, 'b')})
    for (const std::size_t size : {1, 100})
      EXPECT_EQ(parsed(head + body, size).step, BodyStep::stopped) << body.substr(0, 10);
}

TEST(RequestParser, HeadsAreBoundHoweverTheyCome) {
  std::string many = "GET / HTTP/1.1\r\n", large = many;
  for (int i = 0; i < 10; ++i) many += "X: y\r\n";
  for (int i = 0; i < 9; ++i) large += "X: " + std::string(115, 'y') + "\r\n";  // each alone is short
  for (const std::size_t size : {1, 50, 100000}) {
    EXPECT_EQ(parsed(many + "\r\n", size).head, HeadEnd::whole);
    EXPECT_EQ(status_of(many + "X: y\r\n\r\n", size), 431);
    EXPECT_EQ(status_of(large + "\r\n", size), 431);
    EXPECT_EQ(status_of("GET /" + std::string(2000, 'x'), size), 431);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nX: " + std::string(2000, 'x'), size), 431);
  }
  for (int i = 0; i < 5; ++i) large.insert(large.find("X:"), "Y" + std::string(116, 'y') + ":\r\n");
  EXPECT_THAT(parsed(large + "\r\n", 970).refusal->message, HasSubstr("longer than 1000 bytes"))
      << "no piece is beyond the limit, and neither is what is left";
}

TEST(RequestParser, WhatCanBeReadInTwoWaysIsRefused) {
  const std::string start = "POST / HTTP/1.1\r\n";
  const auto message_of = [&](const std::string& headers) {
    for (const std::size_t size : {1, 100000}) {
      const auto result = parsed(start + headers + "\r\n", size);
      if (!result.refusal || result.refusal->status != 400) return std::string("taken");
      if (size > 1) return result.refusal->message;
    }
    return std::string();
  };
  EXPECT_THAT(message_of("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), HasSubstr("found both"));
  EXPECT_THAT(message_of("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), HasSubstr("found both"));
  EXPECT_THAT(message_of("Content-Length: 1\r\nContent-Length: 2\r\n"), HasSubstr("found several"));
  EXPECT_THAT(message_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), HasSubstr("found several"));
  EXPECT_THAT(message_of("Content-Length: two\r\n"), HasSubstr("found 'Content-Length: two'"));
  EXPECT_THAT(message_of("X: y\r\n z\r\n"), HasSubstr("no request that the server can read"));
  EXPECT_THAT(message_of("X: y\r\n\tz\r\n"), HasSubstr("no request that the server can read"));
  EXPECT_THAT(message_of("X : y\r\n"), HasSubstr("no request that the server can read"));
  for (const std::string text : {"\r\n\r\n", "rubbish\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET  /\r\n\r\n"})
    EXPECT_EQ(status_of(text), 400) << text;
  for (const std::size_t size : {1, 100000}) EXPECT_EQ(status_of("GET / HTTP/3.0\r\n\r\n", size), 505);
  EXPECT_EQ(parsed("BREW / HTTP/1.1\r\n\r\n").request.method, "BREW") << "the routes know none such";
}

}  // namespace
}  // namespace kuda
