#include "kuda/extract/speech/half_weight.h"

#include <ATen/Parallel.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma,f16c"))) float dot(const c10::Half* weight, const float* x, std::int64_t length) {
  constexpr std::int64_t kWide = 8;  // numbers in a register
  __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
  std::int64_t i = 0;
  const auto add = [&](__m256 & sum) __attribute__((target("avx2,fma,f16c"))) {
    const auto exact = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weight + i)));
    sum = _mm256_fmadd_ps(exact, _mm256_loadu_ps(x + i), sum);
    i += kWide;
  };
  while (i + 4 * kWide <= length)
    for (auto& sum : sums) add(sum);
  while (i + kWide <= length) add(sums[0]);
  float parts[kWide];
  _mm256_storeu_ps(parts, _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  float total = 0;
  for (const float part : parts) total += part;
  for (; i < length; ++i) total += float(weight[i]) * x[i];
  return total;
}
#else
float dot(const c10::Half*, const float*, std::int64_t) { throw Error("no products of float16 on this processor"); }
#endif

}  // namespace

bool has_half_products() {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool has =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && __builtin_cpu_supports("f16c") != 0;
  return has;
#else
  return false;
#endif
}

Tensor half_product(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  constexpr std::int64_t kFewest = 1 << 16;  // products that are worth a thread
  const auto in = weight.size(1), out = weight.size(0);
  const auto rows = x.reshape({-1, in}).contiguous();
  auto sizes = x.sizes().vec();
  sizes.back() = out;
  auto y = torch::empty({rows.size(0), out});
  const auto* weights = weight.const_data_ptr<c10::Half>();
  for (std::int64_t row = 0; row < rows.size(0); ++row) {
    const auto* from = rows.const_data_ptr<float>() + row * in;
    auto* to = y.mutable_data_ptr<float>() + row * out;
    at::parallel_for(0, out, std::max<std::int64_t>(kFewest / in, 1), [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) to[i] = dot(weights + i * in, from, in);
    });
  }
  if (bias.defined()) y += bias;
  return y.view(sizes);
}

Tensor exact_half(const Tensor& weight) {
  if (!has_half_products() || !weight.is_cpu()) return {};
  if (weight.scalar_type() == torch::kHalf) return weight.detach();
  const auto half = weight.detach().to(torch::kHalf);
  constexpr std::int64_t kAtOnce = 4096;  // rows: a large table is not held a third time
  for (std::int64_t row = 0; row < weight.size(0); row += kAtOnce)
    if (!torch::equal(half.slice(0, row, row + kAtOnce).to(torch::kFloat32), weight.slice(0, row, row + kAtOnce)))
      return {};
  return half;
}

StepLinearImpl::StepLinearImpl(const torch::nn::LinearOptions& options, Rows rows, torch::ScalarType type)
    : LinearImpl(options), rows_(rows) {
  if (rows == Rows::few) weight.set_data(weight.detach().to(type));
}

Tensor StepLinearImpl::forward(const Tensor& x) {
  return half_.defined() ? half_product(x, half_, bias) : LinearImpl::forward(x);
}

void StepLinearImpl::prepare(Precision precision) {
  if (rows_ == Rows::few && precision == Precision::fp32 && !prepared_.is_made() && !half_.defined())
    half_ = exact_half(weight);
  if (half_.defined())
    weight.set_data(torch::empty({0}, weight.options()));
  else
    LinearImpl::prepare(precision);
}

// A table of large models holds 100 million numbers: it is never made in float32 first.
PieceTableImpl::PieceTableImpl(std::int64_t pieces, std::int64_t width, torch::ScalarType type)
    : EmbeddingImpl(torch::nn::EmbeddingOptions(pieces, width)._weight(torch::zeros({pieces, width}, type))) {}

Tensor PieceTableImpl::forward(const Tensor& ids) {
  return half_.defined() ? half_.index_select(0, ids).to(torch::kFloat32) : torch::embedding(weight, ids);
}

Tensor PieceTableImpl::logits(const Tensor& states) {
  return half_.defined() ? half_product(states, half_, {}) : torch::matmul(weight, states);
}

void PieceTableImpl::prepare(Precision precision) {
  if (precision == Precision::fp32 && !half_.defined()) half_ = exact_half(weight);
  if (half_.defined()) weight.set_data(torch::empty({0}, weight.options()));
}

}  // namespace kuda
