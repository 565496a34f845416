#include "kuda/serve/counters.h"

#include <fmt/format.h>

#include <algorithm>

namespace kuda {
namespace {

const std::vector<double> kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

void begin_metric(std::string& text, const char* name, const char* type, const char* help) {
  text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

}  // namespace

void Histogram::add(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);  // the first that is not below
  ++counts_[static_cast<std::size_t>(bound - bounds_.begin())];
  sum_ += value;
}

void Histogram::write(std::string& text, const std::string& name, const std::string& labels) const {
  const auto separator = labels.empty() ? "" : ",";
  const auto braces = labels.empty() ? std::string() : "{" + labels + "}";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    total += counts_[i];
    text += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, separator, bounds_[i], total);
  }
  total += counts_.back();
  text += fmt::format("{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, separator, total);
  text += fmt::format("{}_sum{} {}\n{}_count{} {}\n", name, braces, sum_, name, braces, total);
}

void Counters::answered(const std::string& route, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
  seconds_.try_emplace(route, kSeconds).first->second.add(seconds);
}

void Counters::scored(std::size_t clips) {
  const std::lock_guard lock(mutex_);
  batch_clips_.add(static_cast<double>(clips));
}

std::string Counters::prometheus(const Gauges& gauges) const {
  const std::lock_guard lock(mutex_);
  std::string text;
  begin_metric(text, "kuda_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& [key, count] : requests_)
    text += fmt::format("kuda_requests_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first, key.second, count);
  begin_metric(text, "kuda_request_seconds", "histogram", "Seconds from the first byte of a request to its answer.");
  for (const auto& [route, histogram] : seconds_)
    histogram.write(text, "kuda_request_seconds", fmt::format("route=\"{}\"", route));
  begin_metric(text, "kuda_batch_clips", "histogram", "Clips that went through the model at once.");
  batch_clips_.write(text, "kuda_batch_clips", "");
  begin_metric(text, "kuda_queue_clips", "gauge", "Clips waiting for the model.");
  text += fmt::format("kuda_queue_clips {}\n", gauges.queue_clips);
  begin_metric(text, "kuda_requests_in_flight", "gauge", "Requests being answered.");
  text += fmt::format("kuda_requests_in_flight {}\n", gauges.requests_in_flight);
  return text;
}

}  // namespace kuda
