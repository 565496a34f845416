#include "kuda/text/dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define KUDA_CLONES __attribute__((target_clones("default", "avx2")))  // chosen at run time
#else
#define KUDA_CLONES
#endif

namespace kuda {
namespace {

using torch::Tensor;

/// A 32-bit finaliser with low bias (Wellons 2018, "lowbias32"): neighbouring inputs give unrelated outputs.
inline std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16U;
  x *= 0x7feb352dU;
  x ^= x >> 15U;
  x *= 0x846ca68bU;
  return x ^ (x >> 16U);
}

/// out[i] = x[i] * scale where the hash of (first + i) passes the threshold, else 0.
KUDA_CLONES void apply(const float* x, float* out, std::int64_t size, std::uint64_t first, std::uint64_t seed,
                       std::uint32_t threshold, float scale) {
  // Positions beyond 2^32 reuse the low half with another key.
  const auto key = mix(static_cast<std::uint32_t>(seed) ^ mix(static_cast<std::uint32_t>(first >> 32U)));
  const auto second = static_cast<std::uint32_t>(seed >> 32U);
  const auto begin = static_cast<std::uint32_t>(first);
  for (std::int64_t i = 0; i < size; ++i) {
    const auto hash = mix(mix((begin + static_cast<std::uint32_t>(i)) ^ key) + second);
    out[i] = hash >= threshold ? x[i] * scale : 0.0F;
  }
}

Tensor masked(const Tensor& x, double rate, std::uint64_t seed) {
  const auto input = x.contiguous();
  auto out = torch::empty_like(input);
  const auto* from = input.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  constexpr std::int64_t kGrain = 1 << 16;  // large enough to hide the cost of a task
  at::parallel_for(0, input.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    hash_dropout_range(from + begin, to + begin, end - begin, static_cast<std::uint64_t>(begin), seed, rate);
  });
  return out;
}

class HashDropout : public torch::autograd::Function<HashDropout> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double rate, std::int64_t seed) {
    context->saved_data["rate"] = rate;
    context->saved_data["seed"] = seed;
    return masked(x, rate, static_cast<std::uint64_t>(seed));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto seed = static_cast<std::uint64_t>(context->saved_data["seed"].toInt());
    return {masked(gradients[0], context->saved_data["rate"].toDouble(), seed), Tensor(), Tensor()};
  }
};

}  // namespace

std::uint64_t dropout_seed() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

void hash_dropout_range(const float* x, float* out, std::int64_t size, std::uint64_t first, std::uint64_t seed,
                        double rate) {
  const auto threshold = static_cast<std::uint32_t>(std::lround(rate * 4294967296.0));
  apply(x, out, size, first, seed, threshold, static_cast<float>(1 / (1 - rate)));
}

Tensor hash_dropout(const Tensor& x, double rate, bool is_training) {
  if (!is_training || rate == 0) return x;
  if (!x.is_cpu() || x.scalar_type() != torch::kFloat32 || rate >= 1) return torch::dropout(x, rate, true);
  return HashDropout::apply(x, rate, static_cast<std::int64_t>(dropout_seed()));
}

}  // namespace kuda
