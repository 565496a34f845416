// How a ProcessGroup meets the other processes: LibTorch's c10d, with Gloo or NCCL. Apart from process_group.cpp, so
// that a program which only scores clips links nothing of it.

#include <fmt/format.h>

#ifdef KUDA_GLOO
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO  // else the header is empty; LibTorch's own targets define it, those of a CUDA build do not
#endif
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef KUDA_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/tensor/process_group.h"

namespace kuda {
namespace {

constexpr const char* kLauncherHint =
    "every process needs the same WORLD_SIZE, MASTER_ADDR and MASTER_PORT, and a RANK of its own from 0 on, as "
    "torchrun "
    "sets them; without WORLD_SIZE one process trains alone";

/// Nothing where the variable is unset or empty.
std::optional<std::string> variable(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return text;
}

/// A whole number from `low` to `high`. Throws ConfigError, also where it is not set and has no default.
int number(const char* name, int low, int high, std::optional<int> by_default = std::nullopt) {
  const auto text = variable(name);
  if (!text && by_default) return *by_default;
  int value = 0;
  const auto* end = text ? text->data() + text->size() : nullptr;
  const auto read = text ? std::from_chars(text->data(), end, value) : std::from_chars_result{};
  if (!text || read.ec != std::errc() || read.ptr != end || value < low || value > high)
    throw ConfigError(fmt::format("{}: expected a whole number from {} to {}, found {}", name, low, high,
                                  text ? "'" + *text + "'" : "nothing"),
                      kLauncherHint);
  return value;
}

/// What a launcher tells a process.
struct Launch {
  int rank = 0, size = 1, local_rank = 0;
  std::string host;
  int port = 0;
};

Launch read_environment() {
  constexpr int kMost = 1 << 16;
  Launch launch;
  launch.size = number("WORLD_SIZE", 1, kMost, 1);
  if (launch.size == 1) return launch;  // the other variables may be left from something else
  launch.rank = number("RANK", 0, launch.size - 1);
  launch.local_rank = number("LOCAL_RANK", 0, kMost, launch.rank);
  launch.port = number("MASTER_PORT", 1, 65535);
  const auto host = variable("MASTER_ADDR");
  if (!host)
    throw ConfigError("MASTER_ADDR: expected the address of the process with RANK 0, found nothing", kLauncherHint);
  launch.host = *host;
  return launch;
}

}  // namespace

#ifdef KUDA_GLOO

namespace {

/// The first line of a message of LibTorch, without its stack.
std::string reason(const std::exception& error) {
  const auto* own = dynamic_cast<const c10::Error*>(&error);
  const std::string text = own != nullptr ? own->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

class TorchLink final : public ProcessLink {
 public:
  TorchLink(c10::intrusive_ptr<c10d::Backend> backend, torch::Device place)
      : backend_(std::move(backend)), place_(place) {}

  void sum(const torch::Tensor& tensor) const override {
    try {
      std::vector<torch::Tensor> there{tensor.to(place_).contiguous()};
      backend_->allreduce(there)->wait();
      if (!there.front().is_same(tensor)) tensor.copy_(there.front());
    } catch (const std::exception& error) {
      throw Error(fmt::format("another process has ended or does not answer: {}", reason(error)),
                  "its own message says why; the same commands continue from the last saved state");
    }
  }

 private:
  c10::intrusive_ptr<c10d::Backend> backend_;
  torch::Device place_;  ///< where it wants tensors to be
};

c10::intrusive_ptr<c10d::Store> meet(const Launch& launch, std::chrono::milliseconds limit) {
  const bool has_agent = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";  // torchrun holds the store itself
  std::signal(SIGPIPE, SIG_IGN);  // LibTorch writes to processes that may have ended: an error then, no silent end
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = launch.rank == 0 && !has_agent;
  options.numWorkers = static_cast<std::size_t>(launch.size);
  options.timeout = options.isServer ? limit : limit / 2;  // a client tries twice
  c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(launch.host, options);
  if (has_agent) {
    const auto attempt = variable("TORCHELASTIC_RESTART_COUNT").value_or("0");
    store = c10::make_intrusive<c10d::PrefixStore>("kuda/" + attempt, store);
  }
  const auto key = [](int rank) { return fmt::format("rank{}", rank); };
  if (store->add(key(launch.rank), 1) > 1)
    throw ConfigError(fmt::format("RANK: two processes have {}", launch.rank), kLauncherHint);
  std::vector<std::string> keys;
  for (int rank = 0; rank < launch.size; ++rank) keys.push_back(key(rank));
  store->wait(keys, limit);
  return store;
}

/// `device`: where the tensors are that are summed most.
std::unique_ptr<ProcessLink> join(const Launch& launch, [[maybe_unused]] const std::string& device,
                                  const c10::intrusive_ptr<c10d::Store>& store) {
#ifdef KUDA_NCCL
  if (device.starts_with("cuda"))
    return std::make_unique<TorchLink>(c10::make_intrusive<c10d::ProcessGroupNCCL>(store, launch.rank, launch.size),
                                       torch::Device(device));
#endif
  using c10d::ProcessGroupGloo;
  const auto interface = variable("GLOO_SOCKET_IFNAME");  // as in Python
  const auto options = ProcessGroupGloo::Options::create();
  options->devices.push_back(interface ? ProcessGroupGloo::createDeviceForInterface(*interface)
                                       : ProcessGroupGloo::createDefaultDevice());
  return std::make_unique<TorchLink>(c10::make_intrusive<ProcessGroupGloo>(store, launch.rank, launch.size, options),
                                     torch::kCPU);
}

std::unique_ptr<ProcessLink> connect(const Launch& launch, const std::string& device, std::chrono::milliseconds limit) {
  try {
    return join(launch, device, meet(launch, limit));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(fmt::format("process {} of {}: the processes did not find each other through {}:{} within {} s: {}",
                            launch.rank, launch.size, launch.host, launch.port,
                            std::chrono::duration<double>(limit).count(), reason(error)),
                std::string(kLauncherHint) + "; --join-seconds waits longer");
  }
}

}  // namespace

#else

namespace {

std::unique_ptr<ProcessLink> connect(const Launch& launch, const std::string&, std::chrono::milliseconds) {
  throw ConfigError(fmt::format("WORLD_SIZE: expected 1, found {}: this LibTorch has no Gloo that kuda could be built "
                                "with, so there is one process only",
                                launch.size),
                    "unset WORLD_SIZE, or build with the LibTorch of scripts/setup.sh");
}

}  // namespace

#endif

std::unique_ptr<ProcessGroup> ProcessGroup::from_environment(const std::string& device,
                                                             std::chrono::milliseconds limit) {
  auto group = std::make_unique<ProcessGroup>();
  const auto launch = read_environment();
  if (launch.size == 1) return group;
  group->rank_ = launch.rank;
  group->size_ = launch.size;
  group->local_rank_ = launch.local_rank;
  group->link_ = connect(launch, group->own_device(device), limit);
  return group;
}

}  // namespace kuda
