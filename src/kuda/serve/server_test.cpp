// What a server answers: the scores of `kuda predict`, whatever the load.

#include "kuda/serve/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/predictor/test_npy.h"
#include "kuda/serve/test_server.h"

namespace kuda {
namespace {

using namespace std::chrono_literals;
using test::Json;
using test::json_of;
using test::kJson;
using test::message_of;
using test::RunningServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr double kPromise = 1e-6;  // see predictor_test.cpp

struct Clips {
  Dataset dataset = open_dataset(test::trained_run() / "clips");
  std::vector<ClipInput> inputs = test::inputs_of(dataset);
  std::vector<Prediction> expected = Scorer(test::trained_run() / "run", dataset).predict(rows_of(dataset, "all"));
};

const Clips& clips() {
  static const Clips all;
  return all;
}

TEST(Server, OneClipGetsTheScoreOfPredict) {
  const RunningServer server;
  auto client = server.client();
  for (std::size_t i = 0; i < 4; ++i) {
    const auto answer = client.Post("/v1/predict", json_of(clips().inputs[i]).dump(), kJson);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << answer->body;
    EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("application/json"));
    const auto body = Json::parse(answer->body);
    EXPECT_EQ(body["id"], clips().inputs[i].id);
    EXPECT_NEAR(body["score"].get<double>(), clips().expected[i].score, kPromise);
    EXPECT_EQ(body["interval"]["level"], 0.8);
    EXPECT_LT(body["interval"]["low"], body["score"]);
  }
}

TEST(Server, ManyClipsAreAnsweredInTheirOrder) {
  const RunningServer server;
  Json request;
  for (const auto& input : clips().inputs) request["clips"].push_back(json_of(input));
  const auto answer = server.client().Post("/v1/predict", request.dump(), kJson);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  const auto body = Json::parse(answer->body);
  ASSERT_EQ(body["clips"].size(), clips().inputs.size());
  for (std::size_t i = 0; i < clips().inputs.size(); ++i) {
    EXPECT_EQ(body["clips"][i]["id"], clips().inputs[i].id);
    EXPECT_NEAR(body["clips"][i]["score"].get<double>(), clips().expected[i].score, kPromise);
  }
}

TEST(Server, AFormWithArraysGetsTheSameScore) {
  const RunningServer server;
  const auto& clip = clips().inputs[6];
  const auto npy = [](const Frames& frames) {
    return test::npy_bytes({frames.length(), frames.width}, {frames.values.begin(), frames.values.end()});
  };
  const httplib::MultipartFormDataItems items{{"id", clip.id, "", ""},
                                              {"text", *clip.text, "", ""},
                                              {"vision", npy(*clip.vision), "vision.npy", "application/octet-stream"},
                                              {"audio", npy(*clip.audio), "audio.npy", "application/octet-stream"}};
  const auto answer = server.client().Post("/v1/predict", items);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_NEAR(Json::parse(answer->body)["score"].get<double>(), clips().expected[6].score, kPromise);
}

TEST(Server, ManyClientsAtOnceGetTheScoresOfPredict) {
  ServerOptions options;
  options.batching.max_batch = 8;
  options.batching.max_wait = 2ms;
  const RunningServer server(options);
  std::atomic<int> wrong{0}, answered{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      auto client = server.client();
      client.set_keep_alive(t % 2 == 0);
      for (std::size_t k = 0; k < clips().inputs.size(); ++k) {
        const auto i = (k + 5 * t) % clips().inputs.size();
        const auto answer = client.Post("/v1/predict", json_of(clips().inputs[i]).dump(), kJson);
        if (!answer || answer->status != 200) {
          ++wrong;
          continue;
        }
        ++answered;
        const auto score = Json::parse(answer->body)["score"].get<double>();
        if (std::abs(score - double(clips().expected[i].score)) > kPromise) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(answered, int(8 * clips().inputs.size()));
  const auto metrics = server.client().Get("/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, AllOf(HasSubstr("kuda_requests_total{route=\"/v1/predict\",status=\"200\"} 192"),
                                   HasSubstr("kuda_request_seconds_bucket{route=\"/v1/predict\",le=\"+Inf\"} 192"),
                                   HasSubstr("kuda_batch_clips_sum 192"), HasSubstr("kuda_queue_clips 0")));
}

TEST(Server, ExplainSaysWhatEachModalityContributes) {
  const RunningServer server;
  auto client = server.client();
  auto request = json_of(clips().inputs[0]);
  const auto answer = client.Post("/v1/explain", request.dump(), kJson);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  const auto body = Json::parse(answer->body);
  EXPECT_NEAR(body["score"].get<double>(), clips().expected[0].score, kPromise);
  EXPECT_TRUE(body["attention"]["text"].is_null()) << "not asked for";
  EXPECT_TRUE(body["leading"]["removal"].is_string());
  auto silent = json_of(clips().inputs[0]);
  silent.erase("audio");
  const auto without = Json::parse(client.Post("/v1/predict", silent.dump(), kJson)->body);
  EXPECT_NEAR(body["without"]["audio"].get<double>(), without["score"].get<double>(), kPromise);
  request["attention"] = true;
  const auto with_maps = Json::parse(client.Post("/v1/explain", request.dump(), kJson)->body);
  EXPECT_TRUE(with_maps["attention"]["text"].is_array());
}

TEST(Server, ReadingPathsAnswer) {
  const RunningServer server;
  auto client = server.client();
  EXPECT_EQ(Json::parse(client.Get("/health")->body)["status"], "ok");
  EXPECT_THAT(client.Get("/")->body, HasSubstr("/openapi.json"));
  const auto model = Json::parse(client.Get("/v1/model")->body);
  EXPECT_EQ(model["model"], "kuda");
  EXPECT_EQ(model["inputs"]["vision"]["width"], 5);
  EXPECT_EQ(model["limits"]["clips"], 64);
  EXPECT_EQ(client.Head("/health")->status, 200);
}

TEST(Server, MistakesGetTheMessageOfTheProgram) {
  const RunningServer server;
  auto client = server.client();
  const auto post = [&](const std::string& body) { return client.Post("/v1/predict", body, kJson); };
  EXPECT_THAT(message_of(post("{"), 400), HasSubstr("not JSON"));
  EXPECT_THAT(message_of(post(R"({"vision": [[NaN]]})"), 400), HasSubstr("not JSON"));
  EXPECT_THAT(message_of(post(R"({"vision": [[[1]]]})"), 400), HasSubstr("found a list"));
  EXPECT_THAT(message_of(post(std::string(50000, '[')), 400), HasSubstr("expected an object"));
  EXPECT_THAT(message_of(post("{}"), 400), HasSubstr("at least one clip"));
  EXPECT_THAT(message_of(post(R"({"id": "x"})"), 400), HasSubstr("clip: expected at least one modality"));
  EXPECT_THAT(message_of(post(R"({"vision": [[1, 2]]})"), 400),
              AllOf(HasSubstr("clip.vision: expected frames of 5 features, found 2"), HasSubstr("extractor")));
  EXPECT_THAT(message_of(post(R"({"clips": [{"text": "a"}, {"audio": [[1]]}]})"), 400), HasSubstr("clips[1].audio"));
  const auto after = post(R"({"text": "a fine film"})");
  ASSERT_TRUE(after) << "the connection lives on";
  EXPECT_EQ(after->status, 200);
}

TEST(Server, DamagedUploadsAreBadRequests) {
  const RunningServer server;
  auto client = server.client();
  const auto whole = test::npy_bytes({1, 5}, {1, 2, 3, 4, 5});
  for (const auto& bytes : {std::string("no array"), whole.substr(0, 20), whole.substr(0, whole.size() - 1),
                            std::string("PK\x03\x04 no archive"), std::string(200, '\xff')}) {
    const httplib::MultipartFormDataItems items{{"vision", bytes, "v.npy", ""}};
    EXPECT_THAT(message_of(client.Post("/v1/predict", items), 400), HasSubstr("vision"));
  }
  const httplib::MultipartFormDataItems infinite{
      {"vision", test::npy_bytes({1, 5}, {1, 2, 3, 4, std::numeric_limits<float>::infinity()}), "v.npy", ""}};
  EXPECT_THAT(message_of(client.Post("/v1/predict", infinite), 400), HasSubstr("frame 0, feature 4 is inf"));
  const auto no_form = client.Post("/v1/predict", "--x\r\nrubbish", "multipart/form-data; boundary=x");
  EXPECT_THAT(message_of(no_form, 400), HasSubstr("no valid form"));
}

TEST(Server, UnknownPathsMethodsAndTypesAreNamed) {
  const RunningServer server;
  EXPECT_THAT(message_of(server.client().Get("/v1/predcit"), 404),
              AllOf(HasSubstr("/v1/predcit"), HasSubstr("did you mean")));
  EXPECT_THAT(message_of(server.client().Post("/v2/predict", "{}", kJson), 404), HasSubstr("no such path"));
  EXPECT_THAT(message_of(server.client().Get("/v1/predict"), 405), HasSubstr("expected POST, found GET"));
  EXPECT_THAT(message_of(server.client().Post("/health", "{}", kJson), 405), HasSubstr("expected GET, found POST"));
  EXPECT_THAT(message_of(server.client().Put("/v1/predict", "{}", kJson), 405), HasSubstr("found PUT"));
  EXPECT_THAT(message_of(server.client().Post("/v1/predict", "a=b", "application/x-www-form-urlencoded"), 415),
              AllOf(HasSubstr("application/json"), HasSubstr("curl")));
  EXPECT_EQ(server.client().Get("/v1/predict")->get_header_value("Allow"), "POST, OPTIONS");
  EXPECT_EQ(server.client().Post("/health", "{}", kJson)->get_header_value("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(server.client().Options("/health")->status, 204);
}

TEST(Server, MediaTypesAndCodingsHaveNoCase) {
  const RunningServer server;
  auto client = server.client();
  const std::string film = R"({"text": "a fine film"})";
  for (const char* type : {"Application/JSON; charset=UTF-8", "application/json ;charset=gbk", "APPLICATION/JSON"})
    EXPECT_EQ(client.Post("/v1/predict", film, type)->status, 200) << type;
  for (const char* type : {"application/json-patch+json", "text/json", ""})
    EXPECT_EQ(client.Post("/v1/predict", film, type)->status, 415) << type;
  for (const char* coding : {"Identity", "IDENTITY, identity"})
    EXPECT_EQ(client.Post("/v1/predict", {{"Content-Encoding", coding}}, film, kJson)->status, 200) << coding;
  for (const char* coding : {"GZIP", "X-Gzip", "Deflate", "identity, gzip"})
    EXPECT_THAT(message_of(client.Post("/v1/predict", {{"Content-Encoding", coding}}, film, kJson), 400),
                HasSubstr("not what it is announced as"))
        << coding;
  const auto unknown = client.Post("/v1/predict", {{"Content-Encoding", "br"}}, film, kJson);
  EXPECT_THAT(message_of(unknown, 415), HasSubstr("expected gzip, deflate or none, found 'br'"));
  EXPECT_EQ(unknown->get_header_value("Accept-Encoding"), "gzip, deflate");
  EXPECT_EQ(client.Post("/v1/predict", {{"Content-Encoding", "gzip, gzip"}}, film, kJson)->status, 415);
}

TEST(Server, OneTextOfAnyCharsetHasOneScore) {
  const RunningServer server;
  auto client = server.client();
  const auto scored = [&](const std::string& body, const char* type) {
    const auto answer = client.Post("/v1/predict", body, type);
    EXPECT_EQ(answer->status, 200) << answer->body;
    return Json::parse(answer->body)["score"];
  };
  const auto expected = scored("{\"text\":\"f\xc3\xa9te\"}", kJson);
  const std::string little("{\0\"\0t\0e\0x\0t\0\"\0:\0\"\0f\0\xe9\0t\0e\0\"\0}\0", 30);
  EXPECT_EQ(scored(little, kJson), expected);
  EXPECT_EQ(scored("\xff\xfe" + little, "application/json; charset=utf-16"), expected);
  EXPECT_EQ(scored("{\"text\":\"f\xe9te\"}", "application/json; charset=latin1"), expected);
  EXPECT_THAT(message_of(client.Post("/v1/predict", "{\"text\":\"f\xe9te\"}", kJson), 400), HasSubstr("charset=gbk"));
  EXPECT_THAT(message_of(client.Post("/v1/predict", "{}", "application/json; charset=koi8-r"), 415),
              HasSubstr("'koi8-r'"));
}

TEST(Server, ATextWithoutAWordIsMissing) {
  const RunningServer server;
  auto client = server.client();
  const auto post = [&](const std::string& text, const std::string& more = {}) {
    return client.Post("/v1/predict", R"({"text": ")" + text + "\"" + more + "}", kJson);
  };
  const std::string audio = R"(, "audio": )" + test::rows_of_frames(*clips().inputs[0].audio).dump();
  const auto without = Json::parse(client.Post("/v1/predict", "{" + audio.substr(2) + "}", kJson)->body)["score"];
  for (const char* text : {"", "   ", "\\t\\n", "\\u00a0\\u3000", "\\u200b\\ufeff", "\\u0001"}) {
    EXPECT_THAT(message_of(post(text), 400), HasSubstr("clip: expected at least one modality, found none")) << text;
    EXPECT_EQ(Json::parse(post(text, audio)->body)["score"], without) << text;
  }
  EXPECT_EQ(post(".")->status, 200);
}

TEST(Server, ANulIsAMistakeLikeOthers) {
  const RunningServer server;
  auto client = server.client();
  const auto post = [&](const std::string& body) { return client.Post("/v1/predict", body, kJson); };
  const auto long_key = message_of(post(R"({"a\u0000 and what follows": 1})"), 400);
  EXPECT_THAT(long_key, AllOf(HasSubstr(std::string("'a\0 and what", 12)), HasSubstr("known: id")));
  EXPECT_THAT(message_of(post(R"({"\u0000": 1})"), 400), HasSubstr("known: id"));
  EXPECT_THAT(message_of(post(R"({"clip": "\u0000\u0000"})"), 404), HasSubstr("--data"));
  EXPECT_THAT(message_of(post(R"({"text": "a", "without": ["\u0000"]})"), 400), HasSubstr("vision"));
  EXPECT_EQ(post(R"({"id": "a\u0000b", "text": "a\u0000b"})")->status, 200);
  EXPECT_THAT(message_of(client.Get("/v1/%00predict"), 404), HasSubstr("no such path"));
}

TEST(Server, StopUnderLoadAnswersEverything) {
  ServerOptions options;
  options.batching.max_batch = 4;
  RunningServer server(options);
  std::atomic<int> scored{0}, refused{0}, lost{0};
  std::atomic<bool> is_stopping{false};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      auto client = server.client();
      client.set_keep_alive(t % 2 == 0);
      for (int k = 0; k < 10000; ++k) {
        const auto answer = client.Post("/v1/predict", json_of(clips().inputs[t]).dump(), kJson);
        if (answer && answer->status == 200) {
          ++scored;
        } else if (answer && answer->status == 503) {
          ++refused;  // told so: a client that is told stops
          return;
        } else {
          // Before the stop no request may go without an answer; after it the port may be closed already. This client
          // does not say whether it had sent the request then: connections_test.cpp has one that does.
          if (!is_stopping) ++lost;
          return;
        }
      }
    });
  while (scored < 30) std::this_thread::sleep_for(1ms);
  is_stopping = true;
  server.stop();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lost, 0);
  EXPECT_GT(scored + refused, 30);
  EXPECT_FALSE(server.client().Get("/health")) << "the port is closed";
}

TEST(Server, TwoServersDoNotShareAPort) {
  const RunningServer first;
  ServerOptions options;
  options.port = first.port;
  Server second(test::predictor(), options);
  EXPECT_THAT(test::error_of<Error>([&] { (void)second.bind(); }),
              AllOf(HasSubstr("cannot be bound"), HasSubstr("--port")));
}

TEST(Server, KnowsAddressesOfThisMachineAlone) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "localhost", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "192.168.1.2", "::", "example.org"}) EXPECT_FALSE(is_loopback(host)) << host;
}

}  // namespace
}  // namespace kuda
