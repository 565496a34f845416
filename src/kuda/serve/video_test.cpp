// Videos over HTTP, with a source that needs no weights.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/serve/test_server.h"
#include "kuda/serve/test_video.h"

namespace kuda {
namespace {

using test::Json;
using test::RunningServer;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

httplib::MultipartFormDataItems upload(const std::string& content) {
  return {{"video", content, "clip.mp4", "video/mp4"}};
}

TEST(ServeVideo, ScoresWhatWasExtracted) {
  test::FixedClip source;
  ServerOptions options;
  options.video = &source;
  const RunningServer server(options);
  auto client = server.client();
  const auto answer = client.Post("/v1/predict", upload("bytes"));
  ASSERT_EQ(answer->status, 200) << answer->body;
  const auto object = Json::parse(answer->body);
  EXPECT_EQ(object["video"]["transcript"], "a fine film");
  EXPECT_EQ(object["video"]["words"][1]["begin"], 0.2);
  EXPECT_EQ(object["video"]["missing"], Json({{"audio", "the sound is silent"}}));
  EXPECT_EQ(object["video"]["face_boxes"], Json::parse("[[0.0, 0.25, 0.125, 0.5, 0.5]]"));
  EXPECT_TRUE(object["interval"].is_null()) << "a modality is missing";

  const auto clip = source.extract(test::data_file("csd/aligned.csd"), 0, {});
  auto input = kuda::input_of(clip, "");
  const auto score = test::predictor().score(input);
  EXPECT_FLOAT_EQ(object["score"].get<float>(), score.score);

  auto items = upload("bytes");
  items.push_back({"text", "a dull film", "", ""});
  const auto other = Json::parse(client.Post("/v1/explain", items)->body);
  input.text = "a dull film";
  EXPECT_FLOAT_EQ(other["score"].get<float>(), test::predictor().score(input).score) << "a given text counts";
}

TEST(ServeVideo, RefusesWhatItCannotScore) {
  test::FixedClip source;
  ServerOptions options;
  options.video = &source;
  options.video_seconds = 10;
  const RunningServer server(options), without;
  auto client = server.client();
  const auto message = [](const httplib::Result& answer) {
    EXPECT_EQ(answer->status, 400);
    return answer->body;
  };
  EXPECT_THAT(message(client.Post("/v1/predict", upload("broken"))),
              AllOf(HasSubstr("video: nothing can be decoded"), Not(HasSubstr("/tmp"))));
  EXPECT_THAT(message(client.Post("/v1/predict", upload(""))),
              HasSubstr("video: expected a video or sound file, found no bytes"));
  auto twice = upload("a");
  twice.push_back({"video", "b", "other.mp4", "video/mp4"});
  EXPECT_THAT(message(client.Post("/v1/predict", twice)), HasSubstr("the field 'video' is there twice"));
  auto both = upload("a");
  both.push_back({"vision", "b", "vision.npy", ""});
  EXPECT_THAT(message(client.Post("/v1/predict", both)),
              HasSubstr("video: expected no other contents of a clip, found the field vision"));
  EXPECT_THAT(message(without.client().Post("/v1/predict", upload("a"))), HasSubstr("this server scores no videos"));
  source.declared_seconds = 3600;
  EXPECT_THAT(message(client.Post("/v1/predict", upload("a"))),
              HasSubstr("video: expected at most 10 seconds, found 3600"));
}

TEST(ServeVideo, OneThatDoesNotSayHowLongItIsIsNotCutInSilence) {
  test::FixedClip source;
  source.declared_seconds.reset();
  source.seconds = 12;
  ServerOptions options;
  options.video = &source;
  options.video_seconds = 10;
  const RunningServer server(options);
  EXPECT_THAT(test::message_of(server.client().Post("/v1/predict", upload("a")), 400),
              HasSubstr("video: expected at most 10 seconds, found more"));
}

TEST(ServeVideo, TheNextQuestionAboutAVideoCostsNoSecondExtraction) {
  test::FixedClip source;
  ServerOptions options;
  options.video = &source;
  const RunningServer server(options);
  auto client = server.client();
  const auto first = Json::parse(client.Post("/v1/explain", upload("bytes"))->body);
  auto without = upload("bytes");
  without.push_back({"without", "vision", "", ""});
  const auto second = Json::parse(client.Post("/v1/explain", without)->body);
  EXPECT_EQ(source.extractions, 1);
  EXPECT_FLOAT_EQ(first["without"]["vision"].get<float>(), second["score"].get<float>());
  (void)client.Post("/v1/explain", upload("other bytes"));
  EXPECT_EQ(source.extractions, 2);
}

TEST(ServeVideo, WhatHasNothingForTheModelIsRefusedInWords) {
  test::FixedClip source;
  ServerOptions options;
  options.video = &source;
  const RunningServer server(options);
  auto form = upload("a");
  form.push_back({"without", "text,vision", "", ""});
  EXPECT_THAT(test::message_of(server.client().Post("/v1/predict", form), 400),
              AllOf(HasSubstr("video: nothing is left that the model reads"), HasSubstr("audio: the sound is silent")));
}

TEST(ServeVideo, ThePageAndTheListOfPathsSayWhyThereAreNone) {
  test::FixedClip source;
  ServerOptions options;
  options.video = &source;
  options.video_seconds = 30;
  options.why_no_video = "nobody made the weights";
  const RunningServer with(options);
  options.video = nullptr;
  const RunningServer without(options);
  const auto model_of = [](const RunningServer& server) { return Json::parse(server.client().Get("/v1/model")->body); };
  EXPECT_EQ(model_of(with)["video"], Json({{"most_seconds", 30.0}, {"why_none", nullptr}}));
  EXPECT_EQ(model_of(without)["video"], Json({{"most_seconds", 0}, {"why_none", "nobody made the weights"}}));
  EXPECT_THAT(without.client().Get("/")->body, HasSubstr("Videos: none are taken: nobody made the weights."));
  EXPECT_THAT(with.client().Get("/")->body, HasSubstr("up to 30 seconds"));
}

}  // namespace
}  // namespace kuda
