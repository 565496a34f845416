// The training clips that a model takes for most alike.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "kuda/serve/neighbours.h"
#include "kuda/serve/test_data_server.h"

namespace kuda {
namespace {

using namespace std::chrono_literals;
using test::DataServer;
using test::Json;
using test::kJson;
using test::message_of;
using test::predictor_with_data;
using testing::AllOf;
using testing::HasSubstr;

ClipInput named_clip(const std::string& id) {
  ClipInput clip;
  clip.clip = id;
  return clip;
}

/// Distances of all training clips but the clip itself, by position in Predictor::clips().
std::map<std::size_t, double> distances_of(const ClipInput& clip) {
  const auto& clips = predictor_with_data().clips();
  const auto own = predictor_with_data().features(std::span(&clip, 1)).front();
  std::map<std::size_t, double> distances;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    if (clips[i].split != "train" || clips[i].id == clip.clip) continue;
    const auto other = named_clip(clips[i].id);
    const auto features = predictor_with_data().features(std::span(&other, 1)).front();
    double sum = 0;
    for (std::size_t d = 0; d < own.size(); ++d) sum += std::pow(double(own[d]) - double(features[d]), 2);
    distances[i] = std::sqrt(sum);
  }
  return distances;
}

class NearestClips : public testing::Test {
 protected:
  Neighbours neighbours{predictor_with_data(), /*piece=*/2};  // outlives the batcher
  Batcher batcher{[](std::span<const ClipInput> clips) { return predictor_with_data().score(clips); }, {}};

  /// Asks again while the training clips are read, for at most a minute.
  std::vector<Neighbour> nearest(const ClipInput& clip, std::size_t count, std::chrono::milliseconds patience) {
    const auto end = Batcher::Clock::now() + 60s;
    for (;;) {
      try {
        return neighbours.nearest(clip, count, batcher, end, patience);
      } catch (const Busy& busy) {
        EXPECT_THAT(busy.what(), HasSubstr("of 12 so far"));
        if (Batcher::Clock::now() > end) throw;
      }
    }
  }
};

TEST_F(NearestClips, AreThoseOfTheSmallestDistance) {
  for (const auto position : {0, 13, 20}) {  // of train, valid, test
    const auto clip = named_clip(predictor_with_data().clips()[std::size_t(position)].id);
    const auto expected = distances_of(clip);
    const auto found = nearest(clip, 4, 0ms);
    ASSERT_EQ(found.size(), 4U);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_TRUE(expected.contains(found[i].clip)) << "a training clip, and not the clip itself";
      EXPECT_NEAR(found[i].distance, expected.at(found[i].clip), 1e-4);
      if (i > 0) EXPECT_GE(found[i].distance, found[i - 1].distance);
    }
    for (const auto& [other, distance] : expected) {
      const bool is_found =
          std::any_of(found.begin(), found.end(), [&, p = other](const auto& f) { return f.clip == p; });
      if (!is_found) EXPECT_GE(distance, found.back().distance - 1e-4);  // float32 rounding of neighbours in a batch
    }
  }
}

TEST_F(NearestClips, AreAllWhereMoreAreAskedFor) {
  ClipInput clip;
  clip.text = "a fine film";
  EXPECT_EQ(nearest(clip, 50, 20s).size(), 12U);
  EXPECT_EQ(neighbours.size(), 12U);
}

TEST_F(NearestClips, AStoppedServerReadsNoMore) {
  batcher.stop();
  EXPECT_THROW((void)neighbours.nearest(named_clip(predictor_with_data().clips()[0].id), 3, batcher,
                                        Batcher::Clock::now() + 20s),
               Busy);
}

TEST_F(NearestClips, NeedTrainingClips) {
  Neighbours none(test::predictor());
  EXPECT_THAT(test::error_of<DataError>([&] {
                ClipInput clip;
                clip.text = "a";
                (void)none.nearest(clip, 3, batcher, Batcher::Clock::now() + 20s);
              }),
              HasSubstr("--data"));
}

TEST(NearestOverHttp, GivesTextLabelAndDistance) {
  const DataServer server;
  auto client = server.client();
  const auto& clips = predictor_with_data().clips();
  const auto answer =
      test::nearest_of(client, Json{{"clip", clips[0].id}, {"count", 3}, {"without", {"audio"}}}.dump());
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  const auto body = Json::parse(answer->body);
  EXPECT_EQ(body["id"], clips[0].id);
  EXPECT_EQ(body["clips"], 12);
  ASSERT_EQ(body["nearest"].size(), 3U);
  for (const auto& clip : body["nearest"]) {
    EXPECT_EQ(clip["split"], "train");
    EXPECT_NE(clip["id"], clips[0].id);
    EXPECT_TRUE(clip["label"].is_number());
    EXPECT_GE(clip["distance"].get<double>(), 0);
  }
  const auto post = [&](const char* request) { return client.Post("/v1/nearest", request, kJson); };
  EXPECT_THAT(message_of(post(R"({"clips": [{"text": "a"}]})"), 400), HasSubstr("expected one clip"));
  EXPECT_THAT(message_of(post(R"({"text": "a", "count": 51})"), 400), HasSubstr("from 1 to 50"));
  EXPECT_THAT(message_of(post(R"({"clip": "nobody"})"), 404), HasSubstr("no clip 'nobody'"));
}

TEST(NearestOverHttp, OthersAreScoredMeanwhile) {
  const DataServer server;
  auto client = server.client();
  ASSERT_TRUE(client.Post("/v1/nearest", R"({"text": "a fine film"})", kJson));
  const auto answer = client.Post("/v1/predict", R"({"text": "a fine film"})", kJson);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200) << answer->body;
}

}  // namespace
}  // namespace kuda
