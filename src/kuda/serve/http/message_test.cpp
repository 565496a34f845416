#include "kuda/serve/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kuda {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

TEST(Message, ATargetIsAPathAndParameters) {
  Request request;
  split_target("/v1/cl%69ps?query=a%20b+c&split=test&empty=&alone&&x=%3d=%zz%4#part", request);
  EXPECT_EQ(request.path, "/v1/clips");
  EXPECT_THAT(request.parameters, ElementsAre(Pair("alone", ""), Pair("empty", ""), Pair("query", "a b c"),
                                              Pair("split", "test"), Pair("x", "==%zz%4")));
  Request plain;
  split_target("/a+b#part?x=1", plain);
  EXPECT_EQ(plain.path, "/a+b");
  EXPECT_THAT(plain.parameters, IsEmpty());
}

TEST(Message, ATargetMayNameTheServer) {
  const auto split = [](const std::string& target) {
    Request request;
    request.headers = {{"Host", "other:1"}};
    split_target(target, request);
    return request;
  };
  const auto absolute = split("HTTP://name:8080/v1/clips?limit=3");
  EXPECT_EQ(absolute.path, "/v1/clips");
  EXPECT_THAT(absolute.parameters, ElementsAre(Pair("limit", "3")));
  EXPECT_EQ(absolute.host(), "name:8080") << "it counts, not the header";
  EXPECT_EQ(split("http://name").path, "/");
  EXPECT_EQ(split("https://name?a=b").path, "/");
  EXPECT_EQ(split("/http://name/").path, "/http://name/");
  EXPECT_EQ(split("/").host(), "other:1");
}

TEST(Message, HeadersAreFoundInAnyCase) {
  const Request request{.method = "POST", .path = "/", .headers = {{"content-LENGTH", "0"}, {"X", "1"}, {"x", "2"}}};
  EXPECT_EQ(request.header("X"), "1");
  EXPECT_EQ(request.count("x"), 2U);
  EXPECT_EQ(request.header("Y"), "");
  EXPECT_EQ(request.header("Content-Length"), "0");
  EXPECT_FALSE(request.has_body());
  EXPECT_TRUE((Request{.method = "POST", .path = "/", .headers = {{"Content-Length", "2"}}}.has_body()));
  EXPECT_TRUE((Request{.method = "POST", .path = "/", .headers = {{"transfer-encoding", "chunked"}}}.has_body()));
}

TEST(Message, AnAnswerSaysWhetherTheConnectionGoesOn) {
  const Response response{.status = 503, .content = "{}\n", .headers = {{"Retry-After", "1"}}};
  const auto last = sent_text(response, false, 0, 30);
  EXPECT_THAT(last, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(last, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(last, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(last, EndsWith("\r\n\r\n{}\n"));
  EXPECT_THAT(last, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(sent_text({.status = 204}, false, 7, 30), Not(HasSubstr("Content-")));
  const auto head = sent_text(response, true, 7, 30);
  EXPECT_THAT(head, HasSubstr("\r\nKeep-Alive: timeout=30, max=7\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("close")));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 3\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST(Message, AStreamGoesInChunksUnlessTheClientKnowsNone) {
  Response response{.type = "text/event-stream", .headers = {{"Cache-Control", "no-store"}}};
  response.stream = [](const SendPiece& send) {
    send("0123456789abcdef");
    send("");
    send("x");
  };
  const auto sent = [&](bool is_http_1_0) {
    std::string text;
    send_stream(response, is_http_1_0, [&](std::string_view piece) { text += piece; });
    return text;
  };
  const std::string end =
      "Content-Type: text/event-stream\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n";
  const std::string begin = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
  EXPECT_EQ(sent(false),
            begin + "Transfer-Encoding: chunked\r\n" + end + "10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(sent(true), begin + end + "0123456789abcdefx");
}

}  // namespace
}  // namespace kuda
