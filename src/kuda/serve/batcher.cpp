#include "kuda/serve/batcher.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace kuda {
namespace {

std::exception_ptr too_late() {
  return std::make_exception_ptr(
      TimedOut("the model did not come to this request in time", "send it again, or send fewer at once"));
}

std::exception_ptr nobody_reads_it() { return std::make_exception_ptr(ClientGone("the client is gone")); }

}  // namespace

Batcher::Batcher(Score score, const BatcherOptions& options) : score_(std::move(score)), options_(options) {
  if (options_.max_batch < 1) throw ConfigError("max batch 0: expected at least 1");
  thread_ = std::thread([this] { work(); });
}

Batcher::~Batcher() { stop(); }

Batcher::Announcement::~Announcement() {
  if (batcher_ == nullptr) return;
  const std::lock_guard lock(batcher_->mutex_);
  if (--batcher_->announced_ == 0) batcher_->changed_.notify_all();
}

Batcher::Announcement Batcher::announce() {
  const std::lock_guard lock(mutex_);
  ++announced_;
  return Announcement(this);
}

std::future<std::vector<ClipScore>> Batcher::submit(std::vector<ClipInput> clips, Clock::time_point deadline,
                                                    Announcement own, std::stop_token gone) {
  Job job;
  auto future = job.scores.get_future();
  if (clips.empty()) {
    job.scores.set_value({});
    return future;
  }
  job.clips = std::move(clips);
  job.deadline = deadline;
  job.gone = std::move(gone);
  add(std::move(job), std::move(own));
  return future;
}

std::future<void> Batcher::run(std::function<void()> task, Clock::time_point deadline, std::stop_token gone) {
  Job job;
  auto future = job.done.get_future();
  job.task = std::move(task);
  job.deadline = deadline;
  job.gone = std::move(gone);
  add(std::move(job), {});
  return future;
}

void Batcher::add(Job job, Announcement own) {
  job.arrival = Clock::now();
  const std::lock_guard lock(mutex_);
  if (is_stopping_) throw Busy("the server is stopping");
  if (job.gone.stop_requested()) std::rethrow_exception(nobody_reads_it());  // drop_gone came before it
  if (waiting_ + job.size() > options_.max_queue && !jobs_.empty())
    throw Busy(fmt::format("{} clips are waiting already", waiting_), "send this again in a second");
  waiting_ += job.size();
  jobs_.push_back(std::move(job));
  if (std::exchange(own.batcher_, nullptr) != nullptr) --announced_;  // at once: these clips do not wait for themselves
  changed_.notify_all();
}

void Batcher::drop_gone() {
  const std::lock_guard lock(mutex_);
  std::erase_if(jobs_, [this](Job& job) {
    if (!job.gone.stop_requested()) return false;
    waiting_ -= job.size();
    job.fail(nobody_reads_it());
    return true;
  });
}

void Batcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  const std::lock_guard lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
}

std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void Batcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;  // stopping, and everything is answered
    auto jobs = next_batch(lock);
    lock.unlock();
    answer(std::move(jobs));
    lock.lock();
  }
}

std::vector<Batcher::Job> Batcher::next_batch(std::unique_lock<std::mutex>& lock) {
  const auto is_ready = [this] { return is_stopping_ || waiting_ >= options_.max_batch || announced_ == 0; };
  if (!jobs_.front().task) changed_.wait_until(lock, jobs_.front().arrival + options_.max_wait, is_ready);
  // While it waited, drop_gone may have emptied the queue.
  std::vector<Job> batch;
  std::size_t clips = 0;
  while (!jobs_.empty()) {
    const auto& next = jobs_.front();
    const bool fits = batch.empty() || (!next.task && !batch.front().task && clips + next.size() <= options_.max_batch);
    if (!fits) break;
    clips += next.size();
    batch.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
  }
  waiting_ -= clips;
  return batch;
}

void Batcher::answer(std::vector<Job> jobs) {
  const auto now = Clock::now();
  std::erase_if(jobs, [&](Job& job) {
    if (job.gone.stop_requested())
      job.fail(nobody_reads_it());
    else if (job.deadline < now)
      job.fail(too_late());
    else
      return false;
    return true;
  });
  if (jobs.empty()) return;
  if (jobs.front().task) {
    try {
      jobs.front().task();
      jobs.front().done.set_value();
    } catch (...) {
      jobs.front().done.set_exception(std::current_exception());
    }
    return;
  }
  const auto score_alone = [this](Job& job) {
    try {
      job.scores.set_value(score_(job.clips));
    } catch (...) {
      job.scores.set_exception(std::current_exception());
    }
  };
  if (jobs.size() == 1) return score_alone(jobs.front());
  std::vector<ClipInput> clips;
  for (const auto& job : jobs) clips.insert(clips.end(), job.clips.begin(), job.clips.end());
  std::vector<ClipScore> scores;
  try {
    scores = score_(clips);
  } catch (...) {  // one bad clip must not fail its neighbours
    for (auto& job : jobs) score_alone(job);
    return;
  }
  auto next = std::make_move_iterator(scores.begin());
  for (auto& job : jobs) {
    const auto end = next + std::ptrdiff_t(job.clips.size());
    job.scores.set_value({next, end});
    next = end;
  }
}

}  // namespace kuda
