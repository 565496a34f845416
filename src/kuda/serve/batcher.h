#pragma once
// Gathers clips that arrive from many threads into batches for one thread that owns the model. No LibTorch.
//
//   Batcher batcher([&](std::span<const ClipInput> clips) { return predictor.score(clips); }, {.max_batch = 32});
//   auto answer = batcher.submit({clip});
//   answer.get().front().score;
//
// A batch starts when it is full, when nobody who announced clips is still on the way, or when its first clip has
// waited max_wait; while one is computed the next gathers. So a request that is alone does not wait:
//
//   auto coming = batcher.announce();                   // a request begins; reading it takes a while
//   auto answer = batcher.submit(read_clips(), Batcher::kNever, std::move(coming));
//
// One thread, because LibTorch keeps a team of threads for every thread that computes.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/predictor/clip.h"

namespace kuda {

/// Nothing more can be taken now: the queue is full, or the work is being stopped.
class Busy : public Error {
 public:
  using Error::Error;
};

/// The client that asked is gone: nobody reads the answer.
class ClientGone : public Error {
 public:
  using Error::Error;
};

/// A job was not begun before its deadline.
class TimedOut : public Error {
 public:
  using Error::Error;
};

struct BatcherOptions {
  std::size_t max_batch = 32;                ///< clips; a larger job is a batch of its own
  std::chrono::microseconds max_wait{5000};  ///< of the first clip of a batch for others; 0: a batch is what is there
  std::size_t max_queue = 1024;              ///< clips waiting; a job counts as at least one
};

class Batcher {
 public:
  using Clock = std::chrono::steady_clock;
  /// As many scores as clips, in their order. May throw.
  using Score = std::function<std::vector<ClipScore>(std::span<const ClipInput> clips)>;
  static constexpr Clock::time_point kNever = Clock::time_point::max();

  /// Clips of one request that are on the way, until they are submitted or this goes out of scope. The batcher must
  /// outlive it.
  class Announcement {
   public:
    Announcement() noexcept : batcher_(nullptr) {}  ///< of nothing
    Announcement(Announcement&& other) noexcept : batcher_(std::exchange(other.batcher_, nullptr)) {}
    Announcement& operator=(Announcement&& other) noexcept {
      std::swap(batcher_, other.batcher_);
      return *this;
    }
    ~Announcement();

   private:
    friend class Batcher;
    explicit Announcement(Batcher* batcher) : batcher_(batcher) {}
    Batcher* batcher_;
  };

  Batcher(Score score, const BatcherOptions& options);
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;
  ~Batcher();  ///< as stop

  [[nodiscard]] Announcement announce();

  /// From any thread. Throws Busy. `own` are these clips, if they were announced. The future holds the scores, or what
  /// scoring these clips throws: where a batch throws, each of its jobs is scored again alone, so that only the guilty
  /// one fails. Where `gone` is stopped before the work has begun, it throws ClientGone: at once, after drop_gone.
  [[nodiscard]] std::future<std::vector<ClipScore>> submit(std::vector<ClipInput> clips,
                                                           Clock::time_point deadline = kNever, Announcement own = {},
                                                           std::stop_token gone = {});
  /// Runs a task on the thread that owns the model, between batches, in the order of arrival. Throws Busy.
  [[nodiscard]] std::future<void> run(std::function<void()> task, Clock::time_point deadline = kNever,
                                      std::stop_token gone = {});
  /// Takes the jobs of clients that are gone out of the queue.
  void drop_gone();

  /// Takes nothing more, answers what was taken, and returns when that is done.
  void stop();
  [[nodiscard]] std::size_t waiting() const;  ///< clips

 private:
  struct Job {
    std::vector<ClipInput> clips;
    std::promise<std::vector<ClipScore>> scores;
    std::function<void()> task;  ///< instead of clips
    std::promise<void> done;
    Clock::time_point arrival, deadline;
    std::stop_token gone;
    void fail(const std::exception_ptr& error) { task ? done.set_exception(error) : scores.set_exception(error); }
    [[nodiscard]] std::size_t size() const noexcept { return clips.empty() ? 1 : clips.size(); }
  };
  void add(Job job, Announcement own);
  void work();
  [[nodiscard]] std::vector<Job> next_batch(std::unique_lock<std::mutex>& lock);
  void answer(std::vector<Job> jobs);

  Score score_;
  BatcherOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::size_t waiting_ = 0;    ///< clips of jobs_
  std::size_t announced_ = 0;  ///< requests
  bool is_stopping_ = false;
  std::mutex stop_mutex_;  ///< several threads may stop it
  std::thread thread_;
};

}  // namespace kuda
