#include "kuda/serve/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>

namespace kuda {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

ClipInput clip(const std::string& id) {
  ClipInput input;
  input.id = id;
  return input;
}

/// The score of a clip is the length of its id; remembers the sizes of the batches. An id "bad" throws.
struct FakeModel {
  std::mutex mutex;
  std::vector<std::size_t> batches;
  std::set<std::thread::id> threads;
  std::shared_future<void> gate;  ///< waited for before each batch, where there is one

  std::vector<ClipScore> operator()(std::span<const ClipInput> clips) {
    if (gate.valid()) gate.wait();
    const std::lock_guard lock(mutex);
    batches.push_back(clips.size());
    threads.insert(std::this_thread::get_id());
    std::vector<ClipScore> scores;
    for (const auto& input : clips) {
      if (input.id == "bad") throw DataError("bad clip");
      ClipScore score;
      score.id = input.id;
      score.score = float(input.id.size());
      scores.push_back(score);
    }
    return scores;
  }
};

BatcherOptions options_of(std::size_t max_batch, std::chrono::microseconds max_wait, std::size_t max_queue = 1024) {
  return {max_batch, max_wait, max_queue};
}

TEST(Batcher, WorkOfAClientThatIsGoneIsDropped) {
  FakeModel model;
  std::promise<void> gate;
  model.gate = gate.get_future().share();
  Batcher batcher(std::ref(model), options_of(1, 0us, 3));
  auto computed = batcher.submit({clip("a")});
  while (batcher.waiting() > 0) std::this_thread::yield();
  std::stop_source gone, stays;
  bool is_run = false;
  auto dropped = batcher.submit({clip("bb"), clip("ccc")}, Batcher::kNever, {}, gone.get_token());
  auto dropped_task = batcher.run([&] { is_run = true; }, Batcher::kNever, gone.get_token());
  EXPECT_EQ(batcher.waiting(), 3U);
  EXPECT_THROW((void)batcher.submit({clip("x")}), Busy);
  gone.request_stop();
  batcher.drop_gone();
  EXPECT_EQ(batcher.waiting(), 0U);
  EXPECT_THROW((void)dropped.get(), ClientGone);
  EXPECT_THROW(dropped_task.get(), ClientGone);
  EXPECT_THROW((void)batcher.submit({clip("x")}, Batcher::kNever, {}, gone.get_token()), ClientGone);
  auto last = batcher.submit({clip("dddd")}, Batcher::kNever, {}, stays.get_token());
  gate.set_value();
  EXPECT_EQ(computed.get().front().score, 1.0F);
  EXPECT_EQ(last.get().front().score, 4.0F);
  EXPECT_FALSE(is_run);
  EXPECT_THAT(model.batches, ElementsAre(1, 1)) << "nothing of who is gone was computed";
}

TEST(Batcher, GathersUntilTheBatchIsFull) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(4, 1h));  // an hour: only a full batch can start
  const auto another = batcher.announce();
  std::vector<std::future<std::vector<ClipScore>>> answers;
  for (const char* id : {"a", "bb", "ccc", "dddd"}) answers.push_back(batcher.submit({clip(id)}));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto scores = answers[i].get();
    ASSERT_EQ(scores.size(), 1U);
    EXPECT_EQ(scores[0].score, float(i + 1));
  }
  EXPECT_THAT(model.batches, ElementsAre(4));
}

TEST(Batcher, StartsAfterTheLongestWait) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(100, 20ms));
  const auto another = batcher.announce();
  const auto begin = Batcher::Clock::now();
  EXPECT_EQ(batcher.submit({clip("a"), clip("bb")}).get().at(1).score, 2);
  EXPECT_GE(Batcher::Clock::now() - begin, 20ms);
  EXPECT_THAT(model.batches, ElementsAre(2));
}

TEST(Batcher, WhoIsAloneDoesNotWait) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(100, 1h));
  EXPECT_EQ(batcher.submit({clip("a")}).get().size(), 1U);
  auto own = batcher.announce();
  EXPECT_EQ(batcher.submit({clip("a"), clip("bb")}, Batcher::kNever, std::move(own)).get().size(), 2U);
  EXPECT_THAT(model.batches, ElementsAre(1, 2));
}

TEST(Batcher, WaitsForClipsThatAreAnnounced) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(100, 1h));
  auto own = batcher.announce(), others = batcher.announce(), gives_up = batcher.announce();
  auto first = batcher.submit({clip("a")}, Batcher::kNever, std::move(own));
  auto second = batcher.submit({clip("bb")}, Batcher::kNever, std::move(others));
  gives_up = {};
  EXPECT_EQ(first.get()[0].score, 1);
  EXPECT_EQ(second.get()[0].score, 2);
  EXPECT_THAT(model.batches, ElementsAre(2));
}

TEST(Batcher, WhoIsRefusedIsNotWaitedFor) {
  FakeModel model;
  std::promise<void> open;
  model.gate = open.get_future().share();
  Batcher batcher(std::ref(model), options_of(100, 1h, 1));
  auto held = batcher.submit({clip("x")});
  while (batcher.waiting() > 0) std::this_thread::sleep_for(1ms);
  auto first = batcher.announce(), second = batcher.announce();
  auto waiting = batcher.submit({clip("a")}, Batcher::kNever, std::move(first));
  EXPECT_THROW((void)batcher.submit({clip("b")}, Batcher::kNever, std::move(second)), Busy);
  open.set_value();
  EXPECT_EQ(held.get().size(), 1U);
  EXPECT_EQ(waiting.get().size(), 1U) << "in less than an hour";
}

TEST(Batcher, AJobIsNotSplitAndALargeOneIsABatchOfItsOwn) {
  FakeModel model;
  std::promise<void> open;
  model.gate = open.get_future().share();
  Batcher batcher(std::ref(model), options_of(4, 0us));
  auto first = batcher.submit({clip("x")});  // holds the thread, so that the others wait together
  while (batcher.waiting() > 0) std::this_thread::sleep_for(1ms);
  auto three = batcher.submit(std::vector<ClipInput>(3, clip("y")));
  auto two = batcher.submit(std::vector<ClipInput>(2, clip("z")));
  auto six = batcher.submit(std::vector<ClipInput>(6, clip("w")));
  EXPECT_EQ(batcher.waiting(), 11U);
  open.set_value();
  EXPECT_EQ(six.get().size(), 6U);
  EXPECT_EQ(three.get().size(), 3U);
  EXPECT_EQ(two.get().size(), 2U);
  EXPECT_EQ(first.get().size(), 1U);
  EXPECT_THAT(model.batches, ElementsAre(1, 3, 2, 6));
}

TEST(Batcher, OneBadClipFailsAlone) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(3, 1h));
  const auto another = batcher.announce();
  auto good = batcher.submit({clip("a")}), bad = batcher.submit({clip("bad")}), other = batcher.submit({clip("bb")});
  EXPECT_EQ(good.get()[0].score, 1);
  EXPECT_EQ(other.get()[0].score, 2);
  EXPECT_THROW((void)bad.get(), DataError);
}

TEST(Batcher, AFullQueueRefuses) {
  FakeModel model;
  std::promise<void> open;
  model.gate = open.get_future().share();
  Batcher batcher(std::ref(model), options_of(1, 0us, 2));
  auto held = batcher.submit({clip("x")});
  while (batcher.waiting() > 0) std::this_thread::sleep_for(1ms);
  auto first = batcher.submit({clip("a")}), second = batcher.submit({clip("b")});
  try {
    (void)batcher.submit({clip("c")});
    ADD_FAILURE() << "not refused";
  } catch (const Busy& error) {
    EXPECT_THAT(error.what(), HasSubstr("2 clips are waiting"));
  }
  open.set_value();
  EXPECT_EQ(first.get().size() + second.get().size() + held.get().size(), 3U);
}

TEST(Batcher, WhatComesTooLateIsNotScored) {
  FakeModel model;
  std::promise<void> open;
  model.gate = open.get_future().share();
  Batcher batcher(std::ref(model), options_of(8, 0us));
  auto held = batcher.submit({clip("x")});
  while (batcher.waiting() > 0) std::this_thread::sleep_for(1ms);
  auto late = batcher.submit({clip("a")}, Batcher::Clock::now() - 1ms);
  auto late_task = batcher.run([] { ADD_FAILURE() << "run although it is late"; }, Batcher::Clock::now() - 1ms);
  open.set_value();
  EXPECT_THROW((void)late.get(), TimedOut);
  EXPECT_THROW(late_task.get(), TimedOut);
  EXPECT_EQ(held.get().size(), 1U);
  EXPECT_THAT(model.batches, ElementsAre(1));
}

TEST(Batcher, TasksRunOnTheThreadOfTheModel) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(2, 0us));
  (void)batcher.submit({clip("a")}).get();
  std::thread::id id;
  batcher.run([&] { id = std::this_thread::get_id(); }).get();
  EXPECT_TRUE(model.threads.contains(id));
  EXPECT_THROW(batcher.run([] { throw DataError("no"); }).get(), DataError);
}

TEST(Batcher, StopAnswersWhatWasTakenAndTakesNothingMore) {
  FakeModel model;
  auto batcher = std::make_unique<Batcher>(std::ref(model), options_of(100, 1h));
  std::vector<std::future<std::vector<ClipScore>>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(batcher->submit({clip("a")}));
  batcher->stop();
  for (auto& answer : answers) EXPECT_EQ(answer.get().size(), 1U);
  EXPECT_THROW((void)batcher->submit({clip("b")}), Busy);
  EXPECT_THROW((void)batcher->run([] {}), Busy);
}

TEST(Batcher, ManyThreadsGetTheirOwnScores) {
  FakeModel model;
  Batcher batcher(std::ref(model), options_of(16, 1ms));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 1; t <= 12; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto scores = batcher.submit({clip(std::string(t, 'x')), clip("y")}).get();
        if (scores.size() != 2 || scores[0].score != float(t) || scores[1].score != 1) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(model.threads.size(), 1U);
  std::size_t clips = 0;
  for (const auto size : model.batches) {
    EXPECT_LE(size, 16U);
    clips += size;
  }
  EXPECT_EQ(clips, 12U * 200 * 2);
}

}  // namespace
}  // namespace kuda
