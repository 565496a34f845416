#include "kuda/tensor/dropout.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "kuda/tensor/parallel.h"

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

inline float widened(float x) { return x; }
inline float widened(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16U); }

/// Rounded to the nearest, ties to even; written without a branch, so that the loop below becomes vector code.
inline void put(float x, float& out) { out = x; }
inline void put(float x, std::uint16_t& out) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  constexpr std::uint32_t kQuietNaN = 0x7fc0U;
  out = static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? kQuietNaN : rounded);
}

struct Mask {
  Mask(double rate, std::uint64_t number)
      : seed(number),
        threshold(static_cast<std::uint32_t>(std::lround(rate * 4294967296.0))),
        scale(static_cast<float>(1 / (1 - rate))) {}
  std::uint64_t seed;
  std::uint32_t threshold;
  float scale;
};

/// out[i] = x[i] * scale where the hash of (first + i) passes the threshold, else 0. Value: float, or the 16 bits of a
/// bfloat16.
template <class Value>
[[gnu::always_inline]] inline void apply_to(const Value* x, Value* out, std::int64_t size, std::uint64_t first,
                                            const Mask& mask) {
  // Positions beyond 2^32 reuse the low half with another key.
  const auto key = mix(static_cast<std::uint32_t>(mask.seed) ^ mix(static_cast<std::uint32_t>(first >> 32U)));
  const auto second = static_cast<std::uint32_t>(mask.seed >> 32U);
  const auto begin = static_cast<std::uint32_t>(first);
  const auto threshold = mask.threshold;
  const auto scale = mask.scale;
  for (std::int64_t i = 0; i < size; ++i) {
    const auto hash = mix(mix((begin + static_cast<std::uint32_t>(i)) ^ key) + second);
    const std::uint32_t keep = hash >= threshold ? 0xffffffffU : 0;  // ands the bits: a choice of floats is slow code
    put(std::bit_cast<float>(std::bit_cast<std::uint32_t>(widened(x[i]) * scale) & keep), out[i]);
  }
}

// Two functions, not a template: the compiler makes the copies for each processor only of those.
KUDA_CLONES void apply(const float* x, float* out, std::int64_t size, std::uint64_t first, const Mask& mask) {
  apply_to(x, out, size, first, mask);
}
KUDA_CLONES void apply(const std::uint16_t* x, std::uint16_t* out, std::int64_t size, std::uint64_t first,
                       const Mask& mask) {
  apply_to(x, out, size, first, mask);
}

Tensor masked(const Tensor& x, double rate, std::uint64_t seed) {
  const auto input = x.contiguous();
  auto out = torch::empty_like(input);
  const Mask mask(rate, seed);
  constexpr std::int64_t kGrain = 1 << 15;  // large enough to hide the cost of a task
  const auto run = [&](const auto* from, auto* to) {
    for_all((input.numel() + kGrain - 1) / kGrain, [&](std::int64_t first, std::int64_t last) {
      const auto begin = first * kGrain, end = std::min(last * kGrain, input.numel());
      apply(from + begin, to + begin, end - begin, static_cast<std::uint64_t>(begin), mask);
    });
  };
  if (input.scalar_type() == torch::kBFloat16)
    run(static_cast<const std::uint16_t*>(input.const_data_ptr()), static_cast<std::uint16_t*>(out.mutable_data_ptr()));
  else
    run(input.const_data_ptr<float>(), out.mutable_data_ptr<float>());
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
  apply(x, out, size, first, Mask(rate, seed));
}

Tensor hash_dropout(const Tensor& x, double rate, bool is_training) {
  if (!is_training || rate == 0) return x;
  const bool is_hashed = x.is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kBFloat16);
  if (!is_hashed || rate >= 1) return torch::dropout(x, rate, true);
  return HashDropout::apply(x, rate, static_cast<std::int64_t>(dropout_seed()));
}

}  // namespace kuda
