// The OpenAPI document is true: every route and every field of real answers is in it, and nothing else is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kuda/serve/answers.h"
#include "kuda/serve/routes.h"
#include "kuda/serve/server.h"
#include "kuda/serve/test_data_server.h"
#include "kuda/serve/test_events.h"
#include "kuda/serve/test_server.h"
#include "kuda/serve/test_video.h"

namespace kuda {
namespace {

using test::Json;
using test::kJson;
using test::RunningServer;
using testing::HasSubstr;
using testing::IsEmpty;

const Json& document() {
  static const Json parsed = Json::parse(openapi_document());
  return parsed;
}

const Json& resolved(const Json& schema) {
  return schema.contains("$ref")
             ? resolved(document().at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))))
             : schema;
}

/// What a value and its schema know of each other: fields that answers have, fields that schemas have.
struct Seen {
  std::set<std::string> answered, described;
  std::vector<std::string> wrong;
};

bool has_type(const Json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean()) ||
         (type == "number" && value.is_number()) || (type == "integer" && value.is_number_integer());
}

/// The parts of a schema that all hold: itself, or those of allOf.
std::vector<Json> parts_of(const Json& schema) {
  const auto& own = resolved(schema);
  std::vector<Json> parts;
  if (own.contains("allOf"))
    for (const auto& part : own["allOf"])
      for (auto& inner : parts_of(part)) parts.push_back(std::move(inner));
  if (own.contains("type")) parts.push_back(own);
  return parts;
}

bool is_nullable(const Json& schema) { return resolved(schema).value("nullable", false); }

void describe(const std::vector<Json>& schemas, const std::string& path, Seen& seen);
void check(const Json& value, const std::vector<Json>& schemas, const std::string& path, Seen& seen);

/// The schemas of one property, from all parts that have it.
std::vector<Json> property(const std::vector<Json>& parts, const std::string& name) {
  std::vector<Json> found;
  for (const auto& part : parts)
    if (part.contains("properties") && part["properties"].contains(name)) found.push_back(part["properties"][name]);
  return found;
}

std::vector<Json> all_parts(const std::vector<Json>& schemas) {
  std::vector<Json> parts;
  for (const auto& schema : schemas)
    for (auto& part : parts_of(schema)) parts.push_back(std::move(part));
  return parts;
}

void check(const Json& value, const std::vector<Json>& schemas, const std::string& path, Seen& seen) {
  if (value.is_null()) {
    if (std::none_of(schemas.begin(), schemas.end(), is_nullable)) seen.wrong.push_back(path + " is null");
    return;
  }
  const auto parts = all_parts(schemas);
  if (parts.empty()) seen.wrong.push_back(path + " is not described");
  for (const auto& part : parts) {
    if (!has_type(value, part["type"])) seen.wrong.push_back(path + " is no " + part["type"].get<std::string>());
    if (part.contains("enum") && std::find(part["enum"].begin(), part["enum"].end(), value) == part["enum"].end())
      seen.wrong.push_back(path + " is " + value.dump());
    for (const auto& name : part.value("required", Json::array()))
      if (!value.contains(name.get<std::string>()))
        seen.wrong.push_back(path + "/" + name.get<std::string>() + " is missing");
  }
  if (value.is_object()) {
    const bool is_free =
        std::any_of(parts.begin(), parts.end(), [](const auto& p) { return !p.contains("properties"); });
    for (const auto& [name, inner] : value.items()) {
      if (is_free) continue;
      seen.answered.insert(path + "/" + name);
      check(inner, property(parts, name), path + "/" + name, seen);
    }
  }
  if (value.is_array())
    for (const auto& inner : value) check(inner, {parts.front()["items"]}, path + "[]", seen);
}

void describe(const std::vector<Json>& schemas, const std::string& path, Seen& seen) {
  const auto parts = all_parts(schemas);
  for (const auto& part : parts) {
    if (part.contains("properties"))
      for (const auto& entry : part["properties"].items()) {
        seen.described.insert(path + "/" + entry.key());
        describe(property(parts, entry.key()), path + "/" + entry.key(), seen);
      }
    if (part.contains("items")) describe({part["items"]}, path + "[]", seen);
  }
}

const Json& answer_schema(const std::string& path, const std::string& method, const std::string& status,
                          std::size_t choice = 0) {
  const auto& answer = resolved(document()["paths"][path][method]["responses"].at(status));
  const auto& schema = answer["content"].at(kJson)["schema"];
  return schema.contains("oneOf") ? schema["oneOf"].at(choice) : schema;
}

Seen& seen() {
  static Seen all;
  return all;
}

void expect_true(const httplib::Result& answer, const std::string& path, const std::string& method,
                 std::size_t choice = 0) {
  ASSERT_TRUE(answer);
  const auto status = std::to_string(answer->status);
  ASSERT_TRUE(document()["paths"][path][method]["responses"].contains(status)) << path << " " << status;
  const auto& schema = answer_schema(path, method, status, answer->status == 200 ? choice : 0);
  const auto name = answer->status == 200 ? path + "#" + std::to_string(choice) : "error";
  check(Json::parse(answer->body), {schema}, name, seen());
  describe({schema}, name, seen());
}

TEST(OpenApi, EveryRouteIsDescribedAndEveryDescriptionIsARoute) {
  std::set<std::string> served, described;
  for (const auto& route : routes()) {
    std::string method(route.method);
    for (auto& letter : method) letter = char(std::tolower(letter));
    served.insert(method + " " + route.path);
    const auto& operation = document().at("paths").at(route.path).at(method);
    EXPECT_EQ(operation["summary"], route.summary);
    EXPECT_EQ(operation.contains("requestBody"), route.has_body()) << route.path;
    EXPECT_EQ(operation.contains("security"), !route.is_open) << route.path;
    EXPECT_EQ(operation["responses"].contains("401"), !route.is_open) << route.path;
  }
  for (const auto& [path, operations] : document()["paths"].items())
    for (const auto& operation : operations.items()) described.insert(operation.key() + " " + path);
  EXPECT_EQ(served, described);
  EXPECT_EQ(document()["openapi"], "3.0.3");
}

TEST(OpenApi, TheListOfPathsHasEveryRoute) {
  const auto text = index_text();
  for (const auto& route : routes()) {
    EXPECT_THAT(text, HasSubstr(std::string(" ") + route.path + " "));
    EXPECT_THAT(text, HasSubstr(std::string(" ") + route.summary + "\n"));
  }
}

TEST(OpenApi, IsServedWithItsPathsAsTheyAre) {
  const RunningServer server;
  const auto served = Json::parse(server.client().Get("/openapi.json")->body);
  EXPECT_EQ(served["paths"], document()["paths"]);
  EXPECT_FALSE(served["components"]["schemas"].contains("Frame")) << "each modality has its own";
}

TEST(OpenApi, SaysWhatThisModelTakes) {
  PredictorFacts facts;
  facts.text = "raw";
  facts.vocabulary = 100;
  facts.inputs.vision = {.is_in_use = true, .width = 35, .length = 50};
  const ClipLimits limits{.clips = 7, .frames = 300, .text_bytes = 400};
  const auto schemas = Json::parse(openapi_json(facts, limits))["components"]["schemas"];
  EXPECT_EQ(schemas["VisionFrames"]["maxItems"], 300);
  EXPECT_EQ(schemas["VisionFrames"]["items"]["minItems"], 35);
  EXPECT_EQ(schemas["VisionFrames"]["items"]["maxItems"], 35);
  EXPECT_EQ(schemas["AudioFrames"]["maxItems"], 0) << "the model reads none";
  EXPECT_EQ(schemas["TextFrames"]["maxItems"], 0) << "it reads words";
  EXPECT_EQ(schemas["ClipText"]["maxLength"], 400);
  EXPECT_EQ(schemas["TokenIds"]["items"]["maximum"], 99);
  EXPECT_EQ(schemas["ClipName"]["maxLength"], 0) << "there are no data";
  EXPECT_EQ(schemas["ClipList"]["properties"]["clips"]["maxItems"], 7);
  facts.text = "features";
  facts.inputs.text = {.is_in_use = true, .width = 768, .length = 50};
  facts.clips.emplace();
  const auto others = Json::parse(openapi_json(facts, limits))["components"]["schemas"];
  EXPECT_EQ(others["TextFrames"]["items"]["maxItems"], 768);
  EXPECT_EQ(others["ClipText"]["maxLength"], 0);
  EXPECT_EQ(others["ClipName"]["maxLength"], 400);
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const std::function<void(const Json&)> follow = [&](const Json& value) {
    if (value.is_object() && value.contains("$ref")) EXPECT_NO_THROW((void)resolved(value)) << value.dump();
    if (value.is_structured())
      for (const auto& inner : value) follow(inner);
  };
  follow(document());
}

TEST(OpenApi, FieldsOfRealAnswersAreThoseOfTheDocument) {
  ServerOptions options;
  options.token = "secret";
  const test::DataServer server(options);
  auto client = server.client();
  expect_true(client.Get("/v1/model"), "/v1/model", "get");  // 401
  client.set_bearer_token_auth("secret");
  const auto dataset = open_dataset(test::trained_run() / "clips");
  auto clip = test::json_of(test::input_of(dataset, 0));
  clip["attention"] = true;
  const auto one = clip.dump(), bare = std::string(R"({"text": "a fine film"})");
  clip.erase("attention");
  const auto many = Json{{"clips", {clip, clip}}, {"attention", true}}.dump();
  expect_true(client.Get("/v1/model"), "/v1/model", "get");
  expect_true(client.Get("/health"), "/health", "get");
  for (const std::string path : {"/v1/predict", "/v1/explain"}) {
    expect_true(client.Post(path, one, kJson), path, "post");
    expect_true(client.Post(path, bare, kJson), path, "post");
    expect_true(client.Post(path, many, kJson), path, "post", 1);
    expect_true(client.Post(path, "{", kJson), path, "post");
    expect_true(client.Post(path, bare, "text/csv"), path, "post");
  }
  Json long_clip{{"text", std::string(500, '!')}};
  for (const char* name : {"vision", "audio"})
    long_clip[name] = std::vector<Json>(500, std::vector<double>(clip[name][0].size(), 0.5));
  expect_true(client.Post("/v1/predict", long_clip.dump(), kJson), "/v1/predict", "post");
  expect_true(client.Post("/v1/predict", Json{{"clips", {long_clip}}}.dump(), kJson), "/v1/predict", "post", 1);
  expect_true(client.Post("/v1/explain", long_clip.dump(), kJson), "/v1/explain", "post");
  expect_true(client.Post("/v1/explain", Json{{"clips", {long_clip}}}.dump(), kJson), "/v1/explain", "post", 1);
  expect_true(client.Get("/v1/clips?limit=3"), "/v1/clips", "get");
  expect_true(client.Get("/v1/clips?limit=none"), "/v1/clips", "get");
  expect_true(test::nearest_of(client, bare), "/v1/nearest", "post");
  expect_true(client.Post("/v1/nearest", many, kJson), "/v1/nearest", "post");
  test::FixedClip video;
  ServerOptions with_video;
  with_video.video = &video;
  const RunningServer of_videos(with_video);
  auto uploads = of_videos.client();
  const httplib::MultipartFormDataItems form{{"video", "bytes", "clip.mp4", "video/mp4"}};
  expect_true(uploads.Post("/v1/predict", form), "/v1/predict", "post");
  expect_true(uploads.Post("/v1/explain", form), "/v1/explain", "post");
  video.has_sound = true;  // with an interval
  for (const auto& event : test::events_of(
           uploads
               .Post("/v1/timeline", httplib::MultipartFormDataItems{{"video", "with sound", "clip.mp4", "video/mp4"}})
               ->body)) {
    const std::map<std::string, std::string> schemas{
        {"progress", "Progress"}, {"window", "TimelineWindow"}, {"done", "TimelineEnd"}};
    const Json schema{{"$ref", "#/components/schemas/" + schemas.at(event.name)}};
    check(event.data, {schema}, event.name, seen());
    describe({schema}, event.name, seen());
  }
  const RunningServer without_data;
  expect_true(without_data.client().Get("/v1/clips"), "/v1/clips", "get");
  expect_true(without_data.client().Get("/v1/model"), "/v1/model", "get");
  EXPECT_THAT(seen().wrong, IsEmpty());
  std::vector<std::string> never_answered;
  std::set_difference(seen().described.begin(), seen().described.end(), seen().answered.begin(), seen().answered.end(),
                      std::back_inserter(never_answered));
  EXPECT_THAT(never_answered, IsEmpty()) << "described, and in no answer";
}

TEST(OpenApi, KeysOfRequestsAreThoseThatTheParsersKnow) {
  const auto keys_of = [](const char* schema) {
    std::set<std::string> keys;
    for (const auto& part : parts_of(document()["components"]["schemas"][schema]))
      for (const auto& entry : part["properties"].items()) keys.insert(entry.key());
    return keys;
  };
  const std::map<std::string, std::string> values{
      {"id", R"("a")"},       {"text", R"("b")"}, {"token_ids", "[1]"},        {"text_features", "[[1]]"},
      {"vision", "[[1]]"},    {"audio", "[[1]]"}, {"attention", "true"},       {"clips", R"([{"text": "a"}])"},
      {"clip", R"("a$_$1")"}, {"count", "3"},     {"without", R"(["vision"])"}};
  for (const char* schema : {"OneClip", "ClipList"})
    for (const auto& key : keys_of(schema)) {
      const std::string before = key == "clips" ? "" : "\"text\": null, ";  // attention alone is no clip
      EXPECT_NO_THROW((void)parse_clips("{" + before + "\"" + key + "\": " + values.at(key) + "}", {}))
          << schema << " " << key;
    }
  EXPECT_EQ(keys_of("OneClip").size() + 1, values.size()) << "clips is the other form";
}

}  // namespace
}  // namespace kuda
