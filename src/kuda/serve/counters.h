#pragma once
// What a server has done so far, as Prometheus reads it (text format 0.0.4). No LibTorch.
//
//   counters.answered("/v1/predict", 200, 0.012);
//   counters.prometheus({.queue_clips = batcher.waiting(), .requests_in_flight = 3});

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kuda {

/// Counts of values by upper bound, as Prometheus' histograms.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void add(double value);
  /// Lines NAME_bucket{LABELS,le="..."}, NAME_sum and NAME_count; `labels` may be empty.
  void write(std::string& text, const std::string& name, const std::string& labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;  ///< by bound, not cumulated; the last is beyond all
  double sum_ = 0;
};

/// What is true at this moment.
struct Gauges {
  std::size_t queue_clips = 0, requests_in_flight = 0;
};

/// All members may be called from several threads.
class Counters {
 public:
  /// `route`: one of the server's own, or "other": a name of the client's choice would grow without bound.
  void answered(const std::string& route, int status, double seconds);
  void scored(std::size_t clips);  ///< one batch
  [[nodiscard]] std::string prometheus(const Gauges& gauges) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;  ///< by route and status
  std::map<std::string, Histogram> seconds_;                       ///< by route
  Histogram batch_clips_{{1, 2, 4, 8, 16, 32, 64, 128}};
};

}  // namespace kuda
