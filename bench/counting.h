#pragma once
// What a pass of work costs, whatever the machine: floating-point operations of its matrix products, and bytes of
// tensors.
//
//   Counting counting;                       // slows the work: passes that are timed run without one
//   work();
//   Counting::flop();                        // 2 n m k for each product, so far
//   counting.peak_bytes();

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace kuda {

/// While it lives, LibTorch tells it of every operator (any thread) and of every block of memory (this thread). Counted
/// are products, attention, convolutions and recurrent layers; the gradient of fused attention without what it computes
/// again, so that two ways to the same numbers count alike. Element by element work is not counted.
class Counting {
 public:
  Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  ~Counting();
  /// Since the program began; stands still while nothing counts.
  [[nodiscard]] static double flop();
  /// Most bytes of CPU tensors that were alive together, of those made while this object lives.
  [[nodiscard]] std::int64_t peak_bytes() const { return memory_->peak; }

 private:
  struct Memory final : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override;
    [[nodiscard]] bool memoryProfilingEnabled() const override { return true; }
    std::atomic<std::int64_t> alive{0}, peak{0};
  };
  std::shared_ptr<Memory> memory_;
  c10::DebugInfoGuard memory_guard_;
  std::uint64_t operators_;
};

}  // namespace kuda
