// What a server refuses, and how: every limit, the token, slow and vanishing clients.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/serve/http/test_connection.h"
#include "kuda/serve/server.h"
#include "kuda/serve/test_server.h"

namespace kuda {
namespace {

using namespace std::chrono_literals;
using test::Json;
using test::json_of;
using test::kJson;
using test::message_of;
using test::post_head;
using test::post_request;
using test::RawConnection;
using test::RunningServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kClip = R"({"text": "a fine film"})";

TEST(ServerLimits, ALongBodyIsRefusedAndTheConnectionLivesOn) {
  ServerOptions options;
  options.body_bytes = 2000;
  const RunningServer server(options);
  auto client = server.client();
  client.set_keep_alive(true);
  const auto long_text = Json{{"text", std::string(3000, 'x')}}.dump();
  EXPECT_THAT(message_of(client.Post("/v1/predict", long_text, kJson), 413), HasSubstr("larger than 2000 bytes"));
  const auto after = client.Post("/v1/predict", kClip, kJson);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->status, 200);
}

TEST(ServerLimits, AVeryLongBodyEndsTheConnection) {
  ServerOptions options;
  options.body_bytes = 2000;
  const RunningServer server(options);
  const RawConnection raw(server.port);
  // Announced without end: the server must not read on.
  ASSERT_TRUE(raw.send(post_head("/v1/predict", "Content-Length: 1000000000000\r\n") + std::string(8000, ' ')));
  EXPECT_THAT(raw.receive(), AllOf(HasSubstr(" 413 "), HasSubstr("Connection: close")));
}

TEST(ServerLimits, AChunkedAndAPackedBodyAreBoundToo) {
  ServerOptions options;
  options.body_bytes = 2000;
  const RunningServer server(options);
  const RawConnection raw(server.port);
  std::string chunks = post_head("/v1/predict", "Transfer-Encoding: chunked\r\n");
  for (int i = 0; i < 10; ++i) chunks += "3e8\r\n" + std::string(1000, ' ') + "\r\n";
  ASSERT_TRUE(raw.send(chunks));
  EXPECT_THAT(raw.receive(), HasSubstr(" 413 "));
  auto client = server.client();
  client.set_compress(true);  // 100 kB of one letter are packed into some hundred bytes
  const auto packed = client.Post("/v1/predict", Json{{"text", std::string(100000, 'x')}}.dump(), kJson);
  EXPECT_THAT(message_of(packed, 413), HasSubstr("larger than 2000 bytes"));
}

TEST(ServerLimits, ClipsFramesAndTextAreCounted) {
  ServerOptions options;
  options.clips = {.clips = 2, .frames = 3, .text_bytes = 20};
  const RunningServer server(options);
  auto client = server.client();
  const auto post = [&](const std::string& body) { return client.Post("/v1/predict", body, kJson); };
  EXPECT_THAT(message_of(post(R"({"clips": [{"text": "a"}, {"text": "b"}, {"text": "c"}]})"), 400),
              HasSubstr("clips: expected at most 2"));
  EXPECT_THAT(message_of(post(R"({"audio": [[1,2,3,4],[1,2,3,4],[1,2,3,4],[1,2,3,4]]})"), 400),
              HasSubstr("at most 3 frames"));
  EXPECT_THAT(message_of(post(R"({"text": "more than twenty bytes"})"), 400), HasSubstr("at most 20 bytes"));
}

TEST(ServerLimits, MoreRequestsThanAllowedAreToldToComeBack) {
  ServerOptions options;
  options.requests = 2;
  const RunningServer server(options);
  const RawConnection first(server.port), second(server.port);
  // Two requests whose bodies never come hold both places.
  ASSERT_TRUE(first.send(post_head("/v1/predict", "Content-Length: 100\r\n") + "{"));
  ASSERT_TRUE(second.send(post_head("/v1/predict", "Content-Length: 100\r\n") + "{"));
  auto client = server.client();
  const auto in_flight = [&] {
    return client.Get("/metrics")->body.find("kuda_requests_in_flight 2") != std::string::npos;
  };
  while (!in_flight()) std::this_thread::sleep_for(5ms);
  const auto third = client.Post("/v1/predict", kClip, kJson);
  EXPECT_THAT(message_of(third, 503), HasSubstr("2 requests are being answered"));
  ASSERT_TRUE(third);
  EXPECT_EQ(third->get_header_value("Retry-After"), "1");
  EXPECT_EQ(client.Get("/health")->status, 200) << "reading paths are not counted";
}

TEST(ServerLimits, ASlowBodyIsGivenUp) {
  ServerOptions options;
  options.body_time = 300ms;
  const RunningServer server(options);
  const RawConnection slow(server.port);
  ASSERT_TRUE(slow.send(post_head("/v1/predict", "Content-Length: 1000\r\n")));
  std::thread dripping([&] {
    for (int i = 0; i < 20 && slow.send(" "); ++i) std::this_thread::sleep_for(50ms);
  });
  EXPECT_THAT(slow.receive(), AllOf(HasSubstr(" 408 "), HasSubstr("did not arrive in time")));
  dripping.join();
}

TEST(ServerLimits, ARequestThatTakesTooLongIsToldSo) {
  ServerOptions options;
  options.request_time = 50ms;
  options.batching.max_wait = 1h;  // longer than the request may take
  const RunningServer server(options);
  auto client = server.client();
  const RawConnection other(server.port);  // for whose clips the batch waits
  ASSERT_TRUE(other.send(post_head("/v1/predict", "Content-Length: 100\r\n") + "{"));
  while (client.Get("/metrics")->body.find("kuda_requests_in_flight 1") == std::string::npos)
    std::this_thread::sleep_for(5ms);
  EXPECT_THAT(message_of(client.Post("/v1/predict", kClip, kJson), 503), HasSubstr("in time"));
}

TEST(ServerLimits, ALoneRequestWaitsForNobody) {
  ServerOptions options;
  options.batching.max_wait = 1h;
  const RunningServer server(options);
  auto client = server.client();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Post("/v1/predict", kClip, kJson)->status, 200);
}

TEST(ServerLimits, ClientsThatHangUpDoNoHarm) {
  const RunningServer server;
  for (int i = 0; i < 20; ++i) {
    const RawConnection raw(server.port);
    const auto request = post_request("/v1/predict", kClip);
    ASSERT_TRUE(raw.send(request.substr(0, request.size() * std::size_t(i + 1) / 20)));
  }
  const auto after = server.client().Post("/v1/predict", kClip, kJson);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->status, 200);
}

TEST(ServerLimits, RequestsThatAreNoneGetAnAnswer) {
  const RunningServer server;
  const RawConnection raw(server.port);
  ASSERT_TRUE(raw.send("rubbish\r\n\r\n"));
  EXPECT_THAT(raw.receive("hint"), AllOf(HasSubstr(" 400 "), HasSubstr("{\"error\"")));
  const RawConnection no_length(server.port);
  ASSERT_TRUE(no_length.send(post_head("/v1/predict", "")));
  EXPECT_THAT(no_length.receive(), HasSubstr(" 411 "));
  const RawConnection both(server.port);
  ASSERT_TRUE(both.send(post_head("/v1/predict", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"));
  EXPECT_THAT(both.receive(), AllOf(HasSubstr(" 400 "), HasSubstr("found both")));
  const RawConnection body(server.port);
  ASSERT_TRUE(body.send("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /v1/model HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(body.receive(), AllOf(HasSubstr(" 400 "), Not(HasSubstr("kuda\""))))
      << "a body is not taken for a request";
}

TEST(ServerLimits, TheTokenIsAskedForWhereItMatters) {
  ServerOptions options;
  options.token = "a long secret";
  const RunningServer server(options);
  auto client = server.client();
  for (const char* path : {"/", "/health", "/openapi.json"}) EXPECT_EQ(client.Get(path)->status, 200) << path;
  for (const char* path : {"/metrics", "/v1/model"})
    EXPECT_THAT(message_of(client.Get(path), 401), HasSubstr("Authorization: Bearer")) << path;
  const auto refused = client.Post("/v1/predict", kClip, kJson);
  EXPECT_THAT(message_of(refused, 401), HasSubstr("token"));
  EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
  for (const char* wrong : {"Bearer a long secre", "Bearer a long secret2", "Bearer ", "a long secret", "Basic eA=="}) {
    const httplib::Headers headers{{"Authorization", wrong}};
    EXPECT_EQ(client.Post("/v1/predict", headers, kClip, kJson)->status, 401) << wrong;
  }
  client.set_bearer_token_auth("a long secret");
  EXPECT_EQ(client.Post("/v1/predict", kClip, kJson)->status, 200);
  EXPECT_EQ(client.Get("/metrics")->status, 200);
}

TEST(ServerLimits, ContentsOfRequestsAreNotLogged) {
  test::predictor();
  const test::CaughtLog log;
  const RunningServer server;
  auto client = server.client();
  (void)client.Post("/v1/predict", R"({"id": "Mr Secret", "text": "hush hush"})", kJson);
  (void)client.Post("/v1/predict", R"({"id": "Mr Secret", "vision": [[1]]})", kJson);
  (void)client.Post("/v1/predict", R"({"hush hush": "Mr Secret")", kJson);
  EXPECT_THAT(log.text(), AllOf(Not(HasSubstr("Secret")), Not(HasSubstr("hush"))));
}

}  // namespace
}  // namespace kuda
