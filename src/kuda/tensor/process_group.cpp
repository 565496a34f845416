#include "kuda/tensor/process_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"

namespace kuda {
namespace {

/// What another process threw.
class ErrorElsewhere final : public Error {
 public:
  ErrorElsewhere(const std::string& message, int code) : Error(message), code_(code) {}
  [[nodiscard]] int exit_code() const noexcept override { return code_; }

 private:
  int code_;
};

}  // namespace

ProcessLink::~ProcessLink() = default;

ProcessGroup::ProcessGroup() = default;
ProcessGroup::~ProcessGroup() = default;

const ProcessGroup& ProcessGroup::alone() {
  static const ProcessGroup group;
  return group;
}

std::string ProcessGroup::own_device(const std::string& device) const {
  return device == "cuda" && !is_alone() ? fmt::format("cuda:{}", local_rank_) : device;
}

void ProcessGroup::sum(const torch::Tensor& tensor) const {
  const torch::NoGradGuard no_grad;
  if (!is_alone() && tensor.numel() > 0) link_->sum(tensor);
}

void ProcessGroup::sum(std::vector<double>& values) const {
  if (is_alone()) return;
  sum(torch::from_blob(values.data(), {std::int64_t(values.size())}, torch::kFloat64));
}

void ProcessGroup::together(const std::function<void()>& work) const {
  if (is_alone()) return work();
  std::exception_ptr failure;
  std::string message;
  std::vector<double> codes(std::size_t(size_), 0.0);  // exit codes by rank; 0: nothing was thrown
  try {
    work();
  } catch (const std::exception& error) {
    failure = std::current_exception();
    message = error.what();
    const auto* own = dynamic_cast<const Error*>(&error);
    codes[std::size_t(rank_)] = own != nullptr ? own->exit_code() : 1;
  }
  sum(codes);
  const auto first = std::find_if(codes.begin(), codes.end(), [](double code) { return code != 0; });
  if (first == codes.end()) return;
  const int other = int(first - codes.begin());
  message = text_of(other, message);
  if (failure) std::rethrow_exception(failure);
  if (int(*first) == Interrupted("").exit_code()) throw Interrupted(message);
  throw ErrorElsewhere(fmt::format("process {}: {}", other, message), int(*first));
}

void ProcessGroup::first_does(const std::function<void()>& work) const {
  together([&] {
    if (is_first()) work();
  });
}

bool ProcessGroup::first_says(bool fact) const {
  std::vector<double> said{is_first() && fact ? 1.0 : 0.0};
  sum(said);
  return is_alone() ? fact : said.front() > 0;
}

void ProcessGroup::expect_same(const std::string& text, const std::string& what) const {
  if (is_alone()) return;
  constexpr std::size_t kDigits = 13;  // 52 bits: a double holds them
  std::vector<double> digests(std::size_t(size_), 0.0);
  const auto digest = sha256(text).substr(0, kDigits);
  digests[std::size_t(rank_)] = double(std::stoull(digest, nullptr, 16));
  sum(digests);
  for (std::size_t other = 1; other < digests.size(); ++other)
    if (digests[other] != digests.front())
      throw ConfigError(fmt::format("{}: process {} has another than process 0", what, other),
                        "start all processes with the same command, files and version of kuda");
}

/// That of one process, in all of them.
std::string ProcessGroup::text_of(int owner, const std::string& text) const {
  std::vector<double> length{rank_ == owner ? double(text.size()) : 0.0};
  sum(length);
  const auto bytes = torch::zeros({std::int64_t(length.front())}, torch::kUInt8);
  if (rank_ == owner) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  sum(bytes);
  return {static_cast<const char*>(bytes.data_ptr()), std::size_t(bytes.numel())};
}

}  // namespace kuda
