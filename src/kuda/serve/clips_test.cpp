// Clips of the server's data: listed, searched, scored by name, with modalities left out. And the page that shows them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/serve/page.h"
#include "kuda/serve/test_data_server.h"

namespace kuda {
namespace {

using test::DataServer;
using test::Json;
using test::kJson;
using test::message_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr double kSameScore = 1e-6;  // see predictor_test.cpp

Json parsed_answer(const httplib::Result& answer) {
  if (!answer || answer->status != 200) {
    ADD_FAILURE() << (answer ? answer->body : httplib::to_string(answer.error()));
    return Json::object();
  }
  return Json::parse(answer->body);
}

TEST(DataClips, AreListedBySplitTextAndPage) {
  const DataServer server;
  auto client = server.client();
  const auto& clips = test::predictor_with_data().clips();
  const auto all = parsed_answer(client.Get("/v1/clips"));
  EXPECT_EQ(all["total"], clips.size());
  ASSERT_EQ(all["clips"].size(), clips.size());
  EXPECT_EQ(all["clips"][0]["id"], clips[0].id);
  EXPECT_EQ(all["clips"][0]["text"], clips[0].text);
  EXPECT_TRUE(all["clips"][0]["labels"]["audio"].is_number());
  const auto page = parsed_answer(client.Get("/v1/clips?split=test&offset=4&limit=50"));
  EXPECT_EQ(page["total"], 6);
  ASSERT_EQ(page["clips"].size(), 2U);
  for (const auto& clip : page["clips"]) EXPECT_EQ(clip["split"], "test");
  const auto by_id = parsed_answer(client.Get("/v1/clips?query=" + httplib::detail::encode_query_param(clips[5].id)));
  ASSERT_GE(by_id["clips"].size(), 1U);
  EXPECT_EQ(by_id["clips"][0]["id"], clips[5].id);
  EXPECT_THAT(message_of(client.Get("/v1/clips?splt=test"), 400), HasSubstr("'split'"));
  EXPECT_THAT(message_of(client.Get("/v1/clips?a%00b=c"), 400),
              AllOf(HasSubstr("unknown parameter"), HasSubstr("split")));
  EXPECT_THAT(message_of(client.Get("/v1/clips?split=%00"), 400), HasSubstr("valid"));
  EXPECT_EQ(parsed_answer(client.Get("/v1/clips?query=%00"))["total"], 0);
  EXPECT_EQ(parsed_answer(client.Get("/v1/model"))["clips"]["train"], 12);
}

TEST(DataClips, AreScoredByNameAsTheirContentsAre) {
  const DataServer server;
  auto client = server.client();
  const auto dataset = open_dataset(test::trained_run() / "clips");
  const auto input = test::input_of(dataset, 3);
  const auto expected = parsed_answer(client.Post("/v1/predict", test::json_of(input).dump(), kJson));
  const auto named = parsed_answer(client.Post("/v1/predict", Json{{"clip", input.id}}.dump(), kJson));
  EXPECT_EQ(named["id"], input.id);
  EXPECT_NEAR(named["score"].get<double>(), expected["score"].get<double>(), kSameScore);
  const auto form = parsed_answer(client.Post(
      "/v1/explain", httplib::MultipartFormDataItems{{"clip", input.id, "", ""}, {"without", "audio", "", ""}}));
  const auto list = parsed_answer(
      client.Post("/v1/predict",
                  Json{{"clips", {{{"clip", input.id}, {"without", {"audio"}}}, {{"clip", input.id}}}}}.dump(), kJson));
  EXPECT_NEAR(form["score"].get<double>(), list["clips"][0]["score"].get<double>(), kSameScore);
  EXPECT_TRUE(form["without"]["audio"].is_null());
  EXPECT_TRUE(form["tokens"].is_array());
  EXPECT_NEAR(list["clips"][1]["score"].get<double>(), expected["score"].get<double>(), kSameScore);
  const auto whole = parsed_answer(client.Post("/v1/explain", Json{{"clip", input.id}}.dump(), kJson));
  EXPECT_NEAR(form["score"].get<double>(), whole["without"]["audio"].get<double>(), kSameScore);
}

TEST(DataClips, UnknownOnesGetTheNearest) {
  const DataServer server;
  const auto& id = test::predictor_with_data().clips()[0].id;
  EXPECT_THAT(message_of(server.client().Post("/v1/predict", Json{{"clip", id + "x"}}.dump(), kJson), 404),
              AllOf(HasSubstr("clip.clip: no clip '" + id + "x'"), HasSubstr("did you mean '" + id + "'")));
}

TEST(DataClips, AServerWithoutDataHasNone) {
  const test::RunningServer server;
  EXPECT_THAT(message_of(server.client().Get("/v1/clips"), 404), HasSubstr("--data"));
  EXPECT_THAT(message_of(server.client().Post("/v1/predict", R"({"clip": "a"})", kJson), 404), HasSubstr("--data"));
  EXPECT_THAT(message_of(server.client().Post("/v1/nearest", R"({"text": "a"})", kJson), 404), HasSubstr("--data"));
  EXPECT_TRUE(parsed_answer(server.client().Get("/v1/model"))["clips"].is_null());
}

TEST(DataClips, AskForTheToken) {
  ServerOptions options;
  options.token = "secret";
  const DataServer server(options);
  EXPECT_THAT(message_of(server.client().Get("/v1/clips"), 401), HasSubstr("token"));
  EXPECT_THAT(message_of(server.client().Post("/v1/nearest", R"({"text": "a"})", kJson), 401), HasSubstr("token"));
  EXPECT_EQ(server.client().Get("/page.js")->status, 200) << "the page asks for it";
}

TEST(Page, IsForWhoAsksForHtml) {
  const test::RunningServer server;
  auto client = server.client();
  const auto text = client.Get("/");
  EXPECT_THAT(text->get_header_value("Content-Type"), HasSubstr("text/plain"));
  EXPECT_THAT(text->body, HasSubstr("/v1/nearest"));
  const auto page = client.Get("/", {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}});
  ASSERT_TRUE(page);
  EXPECT_THAT(page->get_header_value("Content-Type"), HasSubstr("text/html"));
  EXPECT_THAT(page->body, HasSubstr("<!doctype html>"));
  EXPECT_THAT(client.Get("/page.css")->get_header_value("Content-Type"), HasSubstr("text/css"));
  EXPECT_THAT(client.Get("/page.js")->get_header_value("Content-Type"), HasSubstr("text/javascript"));
  EXPECT_EQ(client.Head("/page.js")->status, 200);
}

TEST(Page, AllowsNothingFromElsewhereAndNoMarkupFromData) {
  const test::RunningServer server;
  auto client = server.client();
  for (const char* path : {"/", "/page.css", "/page.js"}) {
    const auto answer = client.Get(path, {{"Accept", "text/html"}});
    ASSERT_TRUE(answer);
    const auto policy = answer->get_header_value("Content-Security-Policy");
    EXPECT_THAT(policy,
                AllOf(HasSubstr("default-src 'none'"), HasSubstr("script-src 'self'"), Not(HasSubstr("unsafe"))));
    EXPECT_EQ(answer->get_header_value("X-Content-Type-Options"), "nosniff");
    auto content = answer->body;
    const std::string name = "http://www.w3.org/2000/svg";  // of a namespace: nothing is fetched from there
    if (const auto found = content.find(name); found != std::string::npos) content.erase(found, name.size());
    for (const char* elsewhere : {"http:", "https:", "src=\"//", "url("})
      EXPECT_EQ(content.find(elsewhere), std::string::npos) << path << ": " << elsewhere;
  }
  const auto script = client.Get("/page.js")->body;
  for (const char* way : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage"})
    EXPECT_EQ(script.find(way), std::string::npos) << way;
}

}  // namespace
}  // namespace kuda
