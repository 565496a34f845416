#pragma once
// The processes that train one model together, as ordinary launchers start them: RANK, WORLD_SIZE, MASTER_ADDR and
// MASTER_PORT in the environment (LOCAL_RANK for the GPU). Where there is one process only, nothing here does anything.
//
//   const auto group = ProcessGroup::from_environment(config.device, std::chrono::seconds(60));
//   group->sum(gradient);                                  // in place, over all processes
//   group->first_does([&] { write_file(path, text); });    // the others wait for it
//
// All processes make the same calls in the same order. Where one has ended, the calls of the others throw Error.

#include <torch/torch.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

/// What carries the sums: LibTorch's side of a group (tensor/process_link.cpp).
class ProcessLink {
 public:
  ProcessLink() = default;
  ProcessLink(const ProcessLink&) = delete;
  ProcessLink& operator=(const ProcessLink&) = delete;
  virtual ~ProcessLink();
  /// In place, over all processes; the same bits in each. Throws Error where another one has ended.
  virtual void sum(const torch::Tensor& tensor) const = 0;
};

class ProcessGroup {
 public:
  ProcessGroup();  ///< this process alone
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  ~ProcessGroup();

  [[nodiscard]] static const ProcessGroup& alone();
  /// Meets the other processes; alone where WORLD_SIZE is unset, empty or 1. With `device` "cuda" sums go through NCCL
  /// where it was built in, else, and on the CPU, through Gloo.
  /// Throws ConfigError when a variable is missing or makes no sense, or LibTorch has no Gloo; Error when the others
  /// are not there after about `limit`.
  [[nodiscard]] static std::unique_ptr<ProcessGroup> from_environment(const std::string& device,
                                                                      std::chrono::milliseconds limit);

  [[nodiscard]] int rank() const noexcept { return rank_; }  ///< from 0
  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] bool is_alone() const noexcept { return size_ == 1; }
  [[nodiscard]] bool is_first() const noexcept { return rank_ == 0; }
  /// The device that this process takes: "cuda" means the GPU of its LOCAL_RANK (else of its RANK) where there are
  /// several processes; other names stay.
  [[nodiscard]] std::string own_device(const std::string& device) const;

  /// Replaces a tensor of any shape, number type and device by the sum over all processes, the same bits in each.
  void sum(const torch::Tensor& tensor) const;
  void sum(std::vector<double>& values) const;
  /// Does `work`, in which there is no other call of the group. Where it throws in any process, all throw: that one its
  /// own error, the others one with its message and exit code, Interrupted for Interrupted.
  void together(const std::function<void()>& work) const;
  /// Only the first process does `work`; the others wait for it, and throw where it throws.
  void first_does(const std::function<void()>& work) const;
  /// What the first process says.
  [[nodiscard]] bool first_says(bool fact) const;
  /// Throws ConfigError in all processes unless `text` is the same in each; `what` names it.
  void expect_same(const std::string& text, const std::string& what) const;

 private:
  [[nodiscard]] std::string text_of(int owner, const std::string& text) const;
  int rank_ = 0, size_ = 1, local_rank_ = 0;
  std::unique_ptr<ProcessLink> link_;  ///< null where alone
};

}  // namespace kuda
