// What the server makes of connections: slow and silent ones, halves, crowds, and all of them at a stop.

#include "kuda/serve/http/connections.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "kuda/serve/http/test_connection.h"
#include "kuda/serve/routes.h"
#include "kuda/serve/test_server.h"

namespace kuda {
namespace {

using namespace std::chrono_literals;
using test::Json;
using test::post_head;
using test::post_request;
using test::RawConnection;
using test::RunningServer;
using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kFilm = R"({"text": "a fine film"})";
const std::string kHealth = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

void wait_for_requests_in_flight(const RunningServer& server, int count) {
  auto client = server.client();
  const auto line = "kuda_requests_in_flight " + std::to_string(count);
  while (client.Get("/metrics")->body.find(line) == std::string::npos) std::this_thread::sleep_for(5ms);
}

TEST(Connections, AClientThatEndsItsSendingSideIsAnswered) {
  const RunningServer server;
  for (const auto& request : {kHealth, post_request("/v1/predict", kFilm)}) {
    const RawConnection raw(server.port);
    ASSERT_TRUE(raw.send(request));
    raw.end_sending();
    EXPECT_THAT(raw.receive(), HasSubstr(" 200 "));
  }
  RawConnection several(server.port);
  ASSERT_TRUE(several.send(kHealth + post_request("/v1/predict", kFilm) + kHealth));
  several.end_sending();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(several.receive_answer().status, 200) << i;
}

TEST(Connections, RequestsInARowAreAnsweredInTheirOrder) {
  const RunningServer server;
  RawConnection raw(server.port);
  const std::string model = "GET /v1/model HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(raw.send(kHealth + "\r\n" + post_request("/v1/predict", kFilm) + model));
  EXPECT_THAT(raw.receive_answer().body, HasSubstr("status"));
  EXPECT_THAT(raw.receive_answer().body, HasSubstr("score"));
  EXPECT_THAT(raw.receive_answer().body, HasSubstr("inputs"));
}

TEST(Connections, ASlowHeadIsGivenUp) {
  ServerOptions options;
  options.head_time = 200ms;
  const RunningServer server(options);
  const RawConnection silent(server.port), slow(server.port);
  ASSERT_TRUE(silent.send("GET /hea"));
  std::thread dripping([&] {
    for (int i = 0; i < 200 && slow.send("x"); ++i) std::this_thread::sleep_for(20ms);
  });
  for (const auto* raw : {&silent, &slow})
    EXPECT_THAT(raw->receive(), AllOf(HasSubstr(" 408 "), HasSubstr("Connection: close"), HasSubstr("{\"error\"")));
  dripping.join();
}

TEST(Connections, LongHeadsAreRefused) {
  ServerOptions options;
  options.head_bytes = 20000;
  options.headers = 50;
  const RunningServer server(options);
  const auto answer_to_headers = [&](int count, std::size_t size) {
    std::string head = "GET /health HTTP/1.1\r\nHost: x\r\n";
    for (int i = 1; i < count; ++i) head += "X-" + std::to_string(i) + ": " + std::string(size, 'x') + "\r\n";
    RawConnection raw(server.port);
    EXPECT_TRUE(raw.send(head + "\r\n"));
    return raw.receive_answer();
  };
  EXPECT_EQ(answer_to_headers(50, 10).status, 200);
  const auto many = answer_to_headers(51, 10), large = answer_to_headers(20, 2000);
  for (const auto& answer : {many, large}) {
    EXPECT_EQ(answer.status, 431);
    EXPECT_TRUE(answer.ends_connection());
  }
  EXPECT_THAT(many.body, HasSubstr("more than 50 headers"));
  EXPECT_THAT(large.body, HasSubstr("longer than 20000 bytes"));
  RawConnection endless(server.port);
  ASSERT_TRUE(endless.send("GET /" + std::string(100000, 'x')));
  EXPECT_EQ(endless.receive_answer().status, 431);
}

TEST(Connections, WhatCanBeReadInTwoWaysIsRefused) {
  const RunningServer server;
  const auto answer_to = [&](const std::string& text) {
    RawConnection raw(server.port);
    EXPECT_TRUE(raw.send(text));
    return raw.receive_answer();
  };
  for (const auto& text :
       {post_head("/v1/predict", "Content-Length: 2\r\nContent-Length: 4\r\n") + "{}  ",
        post_head("/v1/predict", "Content-Length: 2x\r\n") + "{}", post_head("/v1/predict", "Content-Length: -2\r\n"),
        post_head("/v1/predict", "Content-Length: 99999999999999999999\r\n"),
        post_head("/v1/predict", "Transfer-Encoding: chunked, chunked\r\n"),
        std::string("POST /v1/predict HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        post_head("/v1/predict", "X: y\r\n Content-Length: 2\r\n") + "{}", std::string("GET /health HTTP/1.1\r\n\r\n"),
        std::string("GET /health HTTP/1.1\nHost: x\n\n"),
        std::string("\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")}) {
    const auto answer = answer_to(text);
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_TRUE(answer.ends_connection() || text.starts_with("GET")) << text;
  }
  for (const char* coding : {"gzip, chunked", "br"})
    EXPECT_EQ(answer_to(post_head("/v1/predict", std::string("Transfer-Encoding: ") + coding + "\r\n")).status, 501);
}

TEST(Connections, AnAbsentOrUnknownExpectationIsAnswered) {
  const RunningServer server;
  const auto length = "Content-Length: " + std::to_string(kFilm.size()) + "\r\n";
  RawConnection waiting(server.port);
  ASSERT_TRUE(waiting.send(post_head("/v1/predict", length + "Expect: 100-Continue\r\n")));
  EXPECT_THAT(waiting.receive("\r\n\r\n"), StartsWith("HTTP/1.1 100 ")) << "before the body";
  ASSERT_TRUE(waiting.send(kFilm));
  EXPECT_EQ(waiting.receive_answer().status, 200);
  RawConnection refused(server.port);
  ASSERT_TRUE(refused.send(
      "POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nExpect: 100-continue\r\n" + length + "\r\n"));
  EXPECT_THAT(refused.receive(), StartsWith("HTTP/1.1 415 ")) << "without asking for the body";
  RawConnection other(server.port);
  ASSERT_TRUE(other.send(post_head("/v1/predict", length + "Expect: a-miracle\r\n")));
  EXPECT_EQ(other.receive_answer().status, 417);
}

TEST(Connections, AClientThatIsGoneIsNotWaitedFor) {
  ServerOptions options;
  options.requests = 2;
  options.batching.max_wait = 1h;
  const RunningServer server(options);
  // Somebody's clips are on the way, so the clips of those who go wait for an hour.
  const RawConnection other(server.port);
  ASSERT_TRUE(other.send(post_head("/v1/predict", "Content-Length: 100\r\n") + "{"));
  wait_for_requests_in_flight(server, 1);
  for (const bool is_reset : {false, true}) {
    {
      RawConnection gone(server.port);
      ASSERT_TRUE(gone.send(post_request("/v1/predict", kFilm)));
      wait_for_requests_in_flight(server, 2);
      if (is_reset) gone.hang_up();
    }
    wait_for_requests_in_flight(server, 1);
    EXPECT_THAT(server.client().Get("/metrics")->body, HasSubstr("kuda_queue_clips 0"));
  }
  RawConnection reading(server.port);
  ASSERT_TRUE(reading.send(post_request("/v1/predict", kFilm)));
  reading.end_sending();
  wait_for_requests_in_flight(server, 2);
  ASSERT_TRUE(other.send(std::string(99, ' ')));  // no JSON: nobody's clips are on the way now
  EXPECT_EQ(reading.receive_answer().status, 200) << "it has ended its sending side alone";
}

TEST(Connections, ALineBetweenChunksHasAnEnd) {
  const RunningServer server;
  RawConnection raw(server.port);
  ASSERT_TRUE(raw.send(post_head("/v1/predict", "Transfer-Encoding: chunked\r\n") + std::string(300000, '0')));
  EXPECT_EQ(raw.receive_answer().status, 400);
}

TEST(Connections, RangesAreIgnored) {
  const RunningServer server;
  RawConnection raw(server.port);
  ASSERT_TRUE(raw.send("GET /health HTTP/1.1\r\nHost: x\r\nRange: bytes=0-2\r\n\r\n"));
  const auto part = raw.receive_answer();
  EXPECT_EQ(part.status, 200);
  EXPECT_THAT(part.body, HasSubstr("status"));
  ASSERT_TRUE(raw.send(post_head("/v1/nothing", "Content-Length: 0\r\nRANGE: bytes=1000000-2000000\r\n")));
  const auto beyond = raw.receive_answer();
  EXPECT_EQ(beyond.status, 404);
  EXPECT_TRUE(Json::accept(beyond.body)) << beyond.body;
}

TEST(Connections, AFormMayComeInPieces) {
  const RunningServer server;
  RawConnection raw(server.port);
  const std::string body =
      "--bound\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\na fine film\r\n--bound--\r\n";
  ASSERT_TRUE(
      raw.send("POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=bound\r\n"
               "Content-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body.substr(0, 4)));
  wait_for_requests_in_flight(server, 1);
  ASSERT_TRUE(raw.send(body.substr(4)));
  EXPECT_EQ(raw.receive_answer().status, 200);
}

TEST(Connections, MoreThanThereAreThreadsAreAllAnswered) {
  ServerOptions options;
  options.requests = 1;  // 5 threads
  options.connections = 200;
  options.head_time = options.idle_time = 1h;
  const RunningServer server(options);
  std::vector<std::unique_ptr<RawConnection>> idle, begun;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(std::make_unique<RawConnection>(server.port));
    begun.push_back(std::make_unique<RawConnection>(server.port));
    ASSERT_TRUE(begun.back()->send(kHealth.substr(0, 10)));
  }
  EXPECT_EQ(server.client().Post("/v1/predict", kFilm, test::kJson)->status, 200);
  for (const auto& raw : begun) ASSERT_TRUE(raw->send(kHealth.substr(10)));
  for (const auto& raw : idle) ASSERT_TRUE(raw->send(kHealth));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(begun[std::size_t(i)]->receive_answer().status, 200) << i;
    EXPECT_EQ(idle[std::size_t(i)]->receive_answer().status, 200) << i;
  }
}

TEST(Connections, TheLongestIdleMakesRoom) {
  ServerOptions options;
  options.connections = 3;
  const RunningServer server(options);
  const RawConnection first(server.port), second(server.port), third(server.port);
  EXPECT_EQ(server.client().Get("/health")->status, 200);
  EXPECT_THAT(first.receive(), IsEmpty()) << "closed";
}

TEST(Connections, AClientThatDoesNotReadHoldsNoThread) {
  ServerOptions options;
  options.requests = 1;
  const RunningServer server(options);
  constexpr std::size_t kRequests = 400;  // some megabytes of answers: more than the system keeps for a connection
  const RawConnection raw(server.port);
  std::string requests;
  for (std::size_t i = 0; i < kRequests; ++i) requests += "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_TRUE(raw.send(requests));
  EXPECT_EQ(server.client().Post("/v1/predict", kFilm, test::kJson)->status, 200);
  const auto answers = raw.receive("HTTP/1.1 200 OK", kRequests);
  EXPECT_THAT(answers, HasSubstr("3.0.3"));
  EXPECT_GT(answers.size(), (kRequests - 1) * openapi_document().size()) << "all of them came";
}

TEST(Connections, AStopDoesNotWaitForSilence) {
  ServerOptions options;
  options.idle_time = options.head_time = 1h;
  RunningServer server(options);
  RawConnection silent(server.port), begun(server.port), kept(server.port), whole(server.port);
  ASSERT_TRUE(begun.send("GET /hea"));
  ASSERT_TRUE(kept.send(kHealth));
  EXPECT_EQ(kept.receive_answer().status, 200);
  ASSERT_TRUE(whole.send(post_request("/v1/predict", kFilm)));
  const auto begin = std::chrono::steady_clock::now();
  server.ask_to_stop();
  EXPECT_THAT(whole.receive_answer().status, AnyOf(200, 503));
  EXPECT_EQ(begun.receive_answer().status, 503);
  EXPECT_THAT(silent.receive(), IsEmpty());
  EXPECT_THAT(kept.receive(), IsEmpty());
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 50s) << "an hour, if it waited";
}

TEST(Connections, AStopWaitsForABodyUntilTheGraceIsOver) {
  ServerOptions options;
  options.grace = 60s;
  RunningServer patient(options);
  RawConnection raw(patient.port);
  const auto request = post_request("/v1/predict", kFilm);
  ASSERT_TRUE(raw.send(request.substr(0, request.size() - 3)));
  wait_for_requests_in_flight(patient, 1);
  patient.ask_to_stop();
  ASSERT_TRUE(raw.send(request.substr(request.size() - 3)));
  EXPECT_EQ(raw.receive_answer().status, 200);
  patient.stop();

  options.grace = 100ms;
  options.body_time = 1h;
  RunningServer hasty(options);
  RawConnection unfinished(hasty.port);
  ASSERT_TRUE(unfinished.send(request.substr(0, request.size() - 3)));
  wait_for_requests_in_flight(hasty, 1);
  hasty.ask_to_stop();
  EXPECT_EQ(unfinished.receive_answer().status, 400);
  hasty.stop();
}

TEST(Connections, AStopUnderLoadAnswersEveryRequestThatWasSentBefore) {
  RunningServer server;
  std::atomic<bool> is_stopping{false};
  std::atomic<int> answered{0}, lost{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      const bool is_kept = t % 2 == 0;
      std::optional<RawConnection> raw;
      for (;;) {
        if (!raw) raw.emplace(server.port);
        if (!raw->is_connected()) return;  // the port is closed
        const bool is_before = raw->send(post_request("/v1/predict", kFilm)) && !is_stopping;
        const auto answer = raw->receive_answer();
        if (answer.status == 200 || answer.status == 503) ++answered;
        if (answer.status == 0 && is_before) ++lost;
        if (answer.status != 0 && answer.status != 200 && answer.status != 503) ++wrong;
        if (answer.status != 200) return;
        if (!is_kept || answer.ends_connection()) raw.reset();
      }
    });
  while (answered < 30 && lost == 0 && wrong == 0) std::this_thread::sleep_for(1ms);
  is_stopping = true;
  server.stop();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(answered, 30);
}

}  // namespace
}  // namespace kuda
