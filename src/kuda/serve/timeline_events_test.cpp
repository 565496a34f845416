// Time lines over HTTP, and other answers as events, with a source that needs no weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "kuda/extract/clip_part.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/serve/http/test_connection.h"
#include "kuda/serve/test_events.h"
#include "kuda/serve/test_server.h"
#include "kuda/serve/test_video.h"

namespace kuda {
namespace {

using namespace std::chrono_literals;
using test::Event;
using test::events_of;
using test::Json;
using test::RunningServer;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const httplib::MultipartFormDataItems kUpload{{"video", "bytes", "talk.mp4", "video/mp4"}};

ServerOptions with(test::FixedClip& source, double seconds = 60) {
  ServerOptions options;
  options.video = &source;
  options.video_seconds = seconds;
  return options;
}

std::vector<Json> windows_of(const std::vector<Event>& events) {
  std::vector<Json> windows;
  for (const auto& event : events)
    if (event.name == "window") windows.push_back(event.data);
  return windows;
}

TEST(TimelineEvents, HaveTheScoreOfEachWindowAsItIsDone) {
  test::FixedClip source;
  source.seconds = 9;
  source.declared_seconds = 9;
  const RunningServer server(with(source));
  const auto answer = server.client().Post("/v1/timeline?window=4&step=2", kUpload);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/event-stream");
  const auto events = events_of(answer->body);
  ASSERT_GT(events.size(), 2U);
  EXPECT_EQ(events.front().name, "progress");
  EXPECT_EQ(events.back().name, "done");
  const auto windows = windows_of(events);
  ASSERT_EQ(windows.size(), 4U);
  EXPECT_EQ(events.back().data["parts"], 4);
  EXPECT_EQ(events.back().data["scored"], 4);
  const auto clip = source.extract(test::data_file("csd/aligned.csd"), 0, 9);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const double begin = 2.0 * double(i), end = std::min(begin + 4, 9.0);
    EXPECT_EQ(windows[i]["begin"], begin);
    EXPECT_EQ(windows[i]["end"], end);
    auto input = input_of(part_of(clip, begin, end), "");
    EXPECT_FLOAT_EQ(windows[i]["score"].get<float>(), test::predictor().score(input).score) << i;
    EXPECT_EQ(windows[i]["missing"], Json({{"audio", "the sound is silent"}}));
  }
}

TEST(TimelineEvents, UtterancesAndSubtitlesAreParts) {
  test::FixedClip source;
  source.seconds = 3;
  source.declared_seconds = 3;
  const RunningServer server(with(source));
  auto client = server.client();
  auto form = kUpload;
  form.push_back({"by", "utterances", "", ""});
  const auto heard = windows_of(events_of(client.Post("/v1/timeline", form)->body));
  ASSERT_EQ(heard.size(), 1U) << "there is no pause";
  EXPECT_EQ(heard[0]["text"], "a fine film a fine film a fine film");
  form = kUpload;
  form.push_back({"subtitles", "1\n00:00:00,000 --> 00:00:01,000\nA dull film\n", "talk.srt", ""});
  form.push_back({"without", "vision", "", ""});
  const auto subtitled = windows_of(events_of(client.Post("/v1/timeline", form)->body));
  ASSERT_EQ(subtitled.size(), 1U);
  ClipInput input;
  input.text = "A dull film";
  EXPECT_FLOAT_EQ(subtitled[0]["score"].get<float>(), test::predictor().score(input).score) << "its text alone";
  form.push_back({"without", "text", "", ""});
  const auto nothing = events_of(client.Post("/v1/timeline", form)->body);
  EXPECT_TRUE(windows_of(nothing).at(0)["score"].is_null()) << "nothing is left";
  EXPECT_EQ(nothing.back().data["scored"], 0);
}

TEST(TimelineEvents, ALongVideoIsReadInPieces) {
  test::FixedClip source;
  source.seconds = 150;
  source.declared_seconds.reset();
  const RunningServer server(with(source, 200));
  const auto windows = windows_of(events_of(server.client().Post("/v1/timeline", kUpload)->body));
  ASSERT_EQ(windows.size(), 74U);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    EXPECT_EQ(windows[i]["begin"], 2.0 * double(i));
    EXPECT_EQ(windows[i]["end"], 2.0 * double(i) + 4);
    EXPECT_THAT(windows[i]["text"].get<std::string>(), HasSubstr("a fine film a fine film a fine film a fine film"));
  }
  EXPECT_LE(source.longest, 60) << "seconds at once";
  const RunningServer strict(with(source, 100));
  const auto events = events_of(strict.client().Post("/v1/timeline", kUpload)->body);
  EXPECT_EQ(events.back().name, "error") << "it does not say how long it is: that shows on the way";
  EXPECT_THAT(events.back().data["error"]["message"].get<std::string>(), HasSubstr("at most 100 seconds, found more"));
}

TEST(TimelineEvents, AMistakeIsSaidInWords) {
  test::FixedClip source;
  const RunningServer server(with(source, 10)), without;
  auto client = server.client();
  const auto broken =
      events_of(client.Post("/v1/timeline", httplib::MultipartFormDataItems{{"video", "broken", "a.mp4", ""}})->body);
  ASSERT_EQ(broken.size(), 1U);
  EXPECT_EQ(broken[0].name, "error");
  EXPECT_THAT(broken[0].data["error"]["message"].get<std::string>(),
              AllOf(HasSubstr("video: nothing can be decoded"), Not(HasSubstr("/tmp"))));
  source.declared_seconds = 3600;
  EXPECT_THAT(events_of(client.Post("/v1/timeline", kUpload)->body).back().data["error"]["message"].get<std::string>(),
              HasSubstr("video: expected at most 10 seconds, found 3600"));
  EXPECT_THAT(test::message_of(client.Post("/v1/timeline?step=0", kUpload), 400), HasSubstr("step: expected seconds"));
  EXPECT_THAT(test::message_of(client.Post("/v1/timeline", "{}", test::kJson), 400),
              HasSubstr("expected a form with a video, found application/json"));
  EXPECT_THAT(test::message_of(without.client().Post("/v1/timeline", kUpload), 400),
              HasSubstr("this server scores no videos: it was started without an extractor"));
}

std::string raw_form(const std::string& path, const std::string& accept = "text/event-stream") {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; name=\"video\"; filename=\"a\"\r\n\r\nbytes\r\n--b--\r\n";
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nAccept: " + accept + "\r\n\r\n" + body;
}

TEST(TimelineEvents, AClientThatGoesEndsTheWork) {
  for (const std::string path : {"/v1/timeline", "/v1/predict"}) {
    test::FixedClip source;
    source.seconds = 3000;
    source.declared_seconds = 3000;
    source.a_second = 20ms;
    const RunningServer server(with(source, 7000));
    test::RawConnection raw(server.port);
    ASSERT_TRUE(raw.send(raw_form(path)));
    EXPECT_THAT(raw.receive("event: progress"), HasSubstr("Transfer-Encoding: chunked")) << path;
    EXPECT_EQ(source.broken_off, 0);
    raw.hang_up();
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (source.broken_off == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(source.broken_off, 1) << path;
    auto client = server.client();
    while (client.Get("/metrics")->body.find("kuda_requests_in_flight 0") == std::string::npos &&
           std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(10ms);
    EXPECT_THAT(client.Get("/metrics")->body,
                AllOf(HasSubstr("kuda_requests_in_flight 0"), HasSubstr("status=\"499\"")))
        << "its place is free";
  }
}

TEST(TimelineEvents, AClientThatGoesEndsTheWorkAlsoWithoutEvents) {
  test::FixedClip source;
  source.seconds = 3000;
  source.declared_seconds = 3000;
  source.a_second = 20ms;
  const RunningServer server(with(source, 7000));
  test::RawConnection raw(server.port);
  ASSERT_TRUE(raw.send(raw_form("/v1/predict", "*/*")));
  const auto end = std::chrono::steady_clock::now() + 10s;
  const auto wait_for = [&](const std::atomic<int>& count) {
    while (count == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
  };
  wait_for(source.extractions);
  raw.hang_up();
  wait_for(source.broken_off);
  EXPECT_EQ(source.broken_off, 1);
}

TEST(TimelineEvents, OtherAnswersComeAsEventsForWhoAsks) {
  test::FixedClip source;
  const RunningServer server(with(source));
  auto client = server.client();
  const httplib::Headers events{{"Accept", "text/event-stream"}};
  const auto streamed = events_of(client.Post("/v1/predict", events, kUpload)->body);
  ASSERT_EQ(streamed.size(), 2U);
  EXPECT_EQ(streamed[0].name, "progress");
  EXPECT_EQ(streamed[0].data["seconds"], 1.0);
  EXPECT_EQ(streamed[1].name, "done");
  auto plain = Json::parse(client.Post("/v1/predict", kUpload)->body), done = streamed[1].data;
  for (auto* answer : {&plain, &done}) answer->erase("seconds");
  EXPECT_EQ(done, plain);
  const auto mistake = events_of(client.Post("/v1/predict", events, "{", test::kJson)->body);
  ASSERT_EQ(mistake.size(), 1U);
  EXPECT_EQ(mistake[0].name, "error");
}

TEST(TimelineEvents, AStoppingServerDoesNotWaitForALongOne) {
  test::FixedClip source;
  source.seconds = 3000;
  source.declared_seconds = 3000;
  source.a_second = 2ms;
  RunningServer server(with(source, 7000));
  test::RawConnection raw(server.port);
  ASSERT_TRUE(raw.send(raw_form("/v1/timeline")));
  (void)raw.receive("event: window");
  server.ask_to_stop();
  EXPECT_THAT(raw.receive(), AllOf(HasSubstr("event: error"), HasSubstr("the server is stopping")));
}

}  // namespace
}  // namespace kuda
