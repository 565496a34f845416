#pragma once
// Elapsed time, by the clock that never jumps.
//
//   const auto start = Clock::now();
//   work();
//   log_info("{:.1f} s", seconds_since(start));

#include <chrono>

namespace kuda {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

[[nodiscard]] inline double seconds_since(Clock::time_point start) { return seconds_between(start, Clock::now()); }

}  // namespace kuda
