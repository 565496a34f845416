#pragma once
// The training clips of the predictor's data that the model takes for most alike. No LibTorch.
//
//   Neighbours neighbours(predictor);
//   const auto found = neighbours.nearest(clip, 5, batcher, deadline);
//   predictor.clips()[found[0].clip].text;
//
// The vectors of the training clips are computed when somebody first asks, in pieces on the thread that owns the model.
// Each piece goes to the end of the queue, so that other requests come in between.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <vector>

#include "kuda/predictor/predictor.h"
#include "kuda/serve/batcher.h"

namespace kuda {

struct Neighbour {
  std::size_t clip = 0;  ///< position in Predictor::clips()
  double distance = 0;   ///< Euclidean, between what Predictor::features gives
};

class Neighbours {
 public:
  using Clock = Batcher::Clock;
  /// `piece`: clips computed at once; nobody else's request waits longer than for one piece. The predictor must outlive
  /// this, and this must outlive the batcher that it is used with.
  explicit Neighbours(const Predictor& predictor, std::size_t piece = 8);
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  /// The nearest first, at most `count`; a training clip is no neighbour of itself. Waits for what is not computed yet,
  /// until `deadline` and at most `patience`; then throws Busy saying how far it is. Throws NoSuchClip without training
  /// clips, and what Predictor::features and Batcher::run throw; ClientGone once `gone`
  /// is stopped. From any thread but the batcher's.
  [[nodiscard]] std::vector<Neighbour> nearest(const ClipInput& clip, std::size_t count, Batcher& batcher,
                                               Clock::time_point deadline,
                                               std::chrono::milliseconds patience = std::chrono::seconds(5),
                                               std::stop_token gone = {});
  [[nodiscard]] std::size_t size() const noexcept { return clips_.size(); }  ///< training clips

 private:
  void ask(Batcher& batcher);      ///< for the next piece; throws Busy
  void compute(Batcher& batcher);  ///< it, on the batcher's thread, and asks for the one after it
  void wait_for_all(Batcher& batcher, Clock::time_point until, std::stop_token gone);
  [[nodiscard]] std::vector<float> features_of(const ClipInput& clip, Batcher& batcher, Clock::time_point deadline,
                                               std::stop_token gone);

  const Predictor& predictor_;
  const std::size_t piece_;
  std::vector<std::size_t> clips_;  ///< positions of the training clips in Predictor::clips()
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<float> values_;  ///< [computed, D]
  std::size_t computed_ = 0;
  bool is_asked_ = false;       ///< a piece is in the queue, or being computed
  std::exception_ptr failure_;  ///< of a training clip: it stays
};

}  // namespace kuda
