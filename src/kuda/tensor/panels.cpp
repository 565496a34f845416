#include "kuda/tensor/panels.h"

#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kuda/base/error.h"
#include "kuda/tensor/parallel.h"
#ifdef KUDA_LIBXSMM
#include <libxsmm.h>
#endif

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kPanel = 32;  ///< outputs; with 16 and 64 the kernels are a third slower

#ifdef KUDA_LIBXSMM
constexpr std::int64_t kMostRows = 64;  ///< of a kernel: they and a panel stay in the cache
// With that many parts of the rows, panels that fit into the cache together are read for one part after the other, so
// that rows and results pass through the cache once.
constexpr std::int64_t kManyParts = 8;
constexpr std::size_t kCached = 512 << 10;

/// Where part i of n starts; parts differ by one row at most.
std::int64_t first_row(std::int64_t rows, std::int64_t i, std::int64_t n) { return rows * i / n; }

/// c [m, ldc] += a b: to LIBXSMM, whose matrices are stored by columns, the panel is the left one, 32 x k.
libxsmm_smmfunction kernel(std::int64_t rows, std::int64_t in, std::int64_t out) {
  const auto lda = libxsmm_blasint(kPanel), ldb = libxsmm_blasint(in), ldc = libxsmm_blasint(out);
  const float alpha = 1, beta = 1;
  const int flags = LIBXSMM_GEMM_FLAG_NONE, prefetch = LIBXSMM_GEMM_PREFETCH_NONE;
  return libxsmm_smmdispatch(lda, libxsmm_blasint(rows), ldb, &lda, &ldb, &ldc, &alpha, &beta, &flags, &prefetch);
}
#endif

bool has_panels() {
#if defined(KUDA_LIBXSMM) && defined(__GNUC__)
  static const bool is_right = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                               __builtin_cpu_supports("avx512f") == 0 &&
                               kernel(1, kPanel, kPanel) != nullptr;  // nothing where no code may be made at run time
  return is_right;
#else
  return false;
#endif
}

}  // namespace

bool suits_panels(const Tensor& weight) {
  return weight.is_cpu() && weight.scalar_type() == torch::kFloat32 && weight.size(0) % kPanel == 0 && has_panels();
}

Tensor to_panels(const Tensor& weight) {
  return weight.unflatten(0, {weight.size(0) / kPanel, kPanel}).transpose(1, 2).contiguous();
}

Tensor panel_product(const Tensor& x, const Tensor& panels, const Tensor& bias) {
#ifdef KUDA_LIBXSMM
  // Seen by profilers and by the count of operations in bench/ like an operator of LibTorch.
  at::RecordFunction record(at::RecordScope::FUNCTION);
  const std::array<c10::IValue, 2> seen{x, panels};
  if (record.isActive())
    record.before("kuda::panel_product", c10::ArrayRef<const c10::IValue>(seen.data(), seen.size()));

  const auto in = panels.size(1), out = panels.size(0) * kPanel;
  const auto input = x.reshape({-1, in}).contiguous();  // [N, in]
  const auto rows = input.size(0), parts = (rows + kMostRows - 1) / kMostRows;
  auto shape = x.sizes().vec();
  shape.back() = out;
  auto result = torch::empty(shape, x.options());
  if (rows == 0) return result;
  const auto fewer = kernel(rows / parts, in, out), more = kernel((rows + parts - 1) / parts, in, out);
  if (fewer == nullptr || more == nullptr) throw Error(fmt::format("LIBXSMM makes no kernel for {} x {}", rows, in));
  const Tensor start = (bias.defined() ? bias : torch::zeros({out}, x.options())).contiguous();
  const auto *from = input.const_data_ptr<float>(), *panel = panels.const_data_ptr<float>(),
             *added = start.const_data_ptr<float>();
  auto* to = result.mutable_data_ptr<float>();
  const auto do_part = [&](std::int64_t p, std::int64_t part) {
    const auto begin = first_row(rows, part, parts), end = first_row(rows, part + 1, parts);
    auto* place = to + begin * out + p * kPanel;
    for (auto row = begin; row < end; ++row) std::copy_n(added + p * kPanel, kPanel, place + (row - begin) * out);
    (end - begin == rows / parts ? fewer : more)(panel + p * in * kPanel, from + begin * in, place);
  };
  const bool by_rows = parts >= kManyParts && panels.nbytes() <= kCached;
  const auto outer = by_rows ? parts : panels.size(0), inner = by_rows ? panels.size(0) : parts;
  for_all(outer, [&](std::int64_t first, std::int64_t last) {
    for (auto i = first; i < last; ++i)
      for (std::int64_t k = 0; k < inner; ++k) by_rows ? do_part(k, i) : do_part(i, k);
  });
  return result;
#else
  (void)x, (void)panels, (void)bias;
  throw Error("this build has no LIBXSMM");
#endif
}

}  // namespace kuda
