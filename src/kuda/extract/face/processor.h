#pragma once
// Which instructions the kernels of this folder may use. Each kernel is one always-inlined template, compiled once for
// any processor and once for those with AVX2 and FMA.

#if defined(__x86_64__) && defined(__GNUC__)
#define KUDA_HAS_AVX2_KERNELS 1
#define KUDA_FOR_AVX2 __attribute__((target("avx2,fma")))
#endif
#define KUDA_ALWAYS_INLINE inline __attribute__((always_inline))
// Before loops over registers: an array that is indexed by a loop lies in memory, and is written in every step.
#ifdef __clang__
#define KUDA_UNROLL _Pragma("unroll")
#else
#define KUDA_UNROLL _Pragma("GCC unroll 16")
#endif

namespace kuda {

inline bool runs_avx2() noexcept {
#ifdef KUDA_HAS_AVX2_KERNELS
  static const bool has = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return has;
#else
  return false;
#endif
}

// Several numbers at once; compilers make instructions of their arithmetic. float stands for one.
using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));

}  // namespace kuda
