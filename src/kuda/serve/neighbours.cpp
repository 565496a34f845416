#include "kuda/serve/neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

std::vector<std::size_t> training_clips(const Predictor& predictor) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < predictor.clips().size(); ++i)
    if (predictor.clips()[i].split == "train") positions.push_back(i);
  return positions;
}

double distance_between(const std::vector<float>& one, const float* other) {
  double sum = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double difference = double(one[i]) - double(other[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

}  // namespace

Neighbours::Neighbours(const Predictor& predictor, std::size_t piece)
    : predictor_(predictor), piece_(std::max<std::size_t>(piece, 1)), clips_(training_clips(predictor)) {}

std::vector<Neighbour> Neighbours::nearest(const ClipInput& clip, std::size_t count, Batcher& batcher,
                                           Clock::time_point deadline, std::chrono::milliseconds patience,
                                           std::stop_token gone) {
  if (clips_.empty())
    throw NoSuchClip("there are no training clips to compare with",
                     predictor_.facts().clips ? "the data set has none" : "kuda serve CHECKPOINT --data DATA");
  const auto own = features_of(clip, batcher, deadline, gone);
  wait_for_all(batcher, std::min(deadline, Clock::now() + patience), gone);
  std::vector<Neighbour> found;  // from here on nobody writes values_
  for (std::size_t i = 0; i < clips_.size(); ++i)
    if (clip.clip.empty() || predictor_.clips()[clips_[i]].id != clip.clip)
      found.push_back({clips_[i], distance_between(own, values_.data() + i * own.size())});
  const auto is_nearer = [](const Neighbour& a, const Neighbour& b) {
    return std::pair(a.distance, a.clip) < std::pair(b.distance, b.clip);
  };
  count = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + std::ptrdiff_t(count), found.end(), is_nearer);
  found.resize(count);
  return found;
}

std::vector<float> Neighbours::features_of(const ClipInput& clip, Batcher& batcher, Clock::time_point deadline,
                                           std::stop_token gone) {
  // Shared with the task: after a time-out it may still be at work.
  const auto shared = std::make_shared<std::pair<ClipInput, std::vector<float>>>(clip, std::vector<float>());
  auto done =
      batcher.run([this, shared] { shared->second = predictor_.features(std::span(&shared->first, 1)).front(); },
                  deadline, std::move(gone));
  if (done.wait_until(deadline) != std::future_status::ready)
    throw TimedOut("the model did not come to this clip in time", "send it again");
  done.get();
  return shared->second;
}

void Neighbours::wait_for_all(Batcher& batcher, Clock::time_point until, std::stop_token gone) {
  std::unique_lock lock(mutex_);
  if (computed_ < clips_.size() && !failure_ && !is_asked_) {
    is_asked_ = true;
    lock.unlock();
    try {
      ask(batcher);
    } catch (...) {
      lock.lock();
      is_asked_ = false;
      changed_.notify_all();
      throw;
    }
    lock.lock();
  }
  changed_.wait_until(lock, gone, until, [this] { return failure_ || computed_ == clips_.size() || !is_asked_; });
  if (gone.stop_requested()) throw ClientGone("the client is gone");
  if (failure_) std::rethrow_exception(failure_);
  if (computed_ < clips_.size())
    throw Busy(fmt::format("the training clips are being read: {} of {} so far", computed_, clips_.size()),
               "send this again in a second");
}

void Neighbours::ask(Batcher& batcher) {
  [[maybe_unused]] const auto done = batcher.run([this, &batcher] { compute(batcher); });
}

void Neighbours::compute(Batcher& batcher) {
  try {
    std::vector<ClipInput> piece;
    for (auto i = computed_; i < std::min(computed_ + piece_, clips_.size()); ++i)  // written on this thread alone
      piece.emplace_back().clip = predictor_.clips()[clips_[i]].id;
    const auto features = predictor_.features(piece);
    {
      const std::lock_guard lock(mutex_);
      for (const auto& values : features) values_.insert(values_.end(), values.begin(), values.end());
      computed_ += piece.size();
      is_asked_ = computed_ < clips_.size();
      changed_.notify_all();
      if (!is_asked_) return;
    }
    ask(batcher);
  } catch (const Busy&) {  // the queue is full, or the server stops: the next who asks goes on from here
    const std::lock_guard lock(mutex_);
    is_asked_ = false;
    changed_.notify_all();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    is_asked_ = false;
    changed_.notify_all();
  }
}

}  // namespace kuda
