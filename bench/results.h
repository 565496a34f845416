#pragma once
// What a run of the bench leaves: a table for people and one JSON file for bench/compare.py.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "peak.h"

namespace kuda {

struct CaseResult {
  std::string name;
  std::int64_t clips = 0;       ///< that one run reads
  std::vector<double> seconds;  ///< of each timed run, in order
  double gflop = 0;             ///< of matrix products in one run; 0: none
  double tensor_bytes = 0;      ///< most that were alive at once: the case's model and what a run makes
  [[nodiscard]] double median() const;
  [[nodiscard]] double gflops() const { return gflop / median(); }  ///< GFLOP a second
};

struct BenchResult {
  std::map<std::string, std::string> machine;  ///< what two runs must share to be compared
  std::vector<std::pair<std::string, std::string>> options;
  Peak peak;
  double process_bytes = 0;  ///< most memory of the process so far, as the kernel counts it
  std::vector<CaseResult> cases;

  /// One line a case: median and shortest time, products, rate, its shares of the two peaks, memory.
  [[nodiscard]] std::string table() const;
  [[nodiscard]] std::string to_json() const;
};

/// Processor, its vector instructions as LibTorch sees them, cores, threads, LibTorch, compiler, allocator.
[[nodiscard]] std::map<std::string, std::string> describe_machine();
/// VmHWM of this process in bytes; 0 where the kernel does not tell.
[[nodiscard]] double process_peak_bytes();

}  // namespace kuda
