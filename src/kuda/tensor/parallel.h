#pragma once
// Loops on the threads of LibTorch.
//
//   for_all(clips, [&](std::int64_t first, std::int64_t last) { for (auto i = first; i < last; ++i) ...; });

#include <cstdint>
#include <functional>

namespace kuda {

/// Calls work(first, last) for parts of 0 <= i < count that together are all of it, one a thread, and waits for them.
/// In turn where LibTorch has one thread or this is one of several already. An exception of a part is thrown again. A
/// thread of LibTorch knows nothing of the caller's guards (NoGradGuard and such).
///
/// at::parallel_for does this only where the caller is compiled with OpenMP; elsewhere it is a plain loop, and says
/// nothing. Ours is not, because clang's OpenMP would be a second set of threads beside that of LibTorch.
void for_all(std::int64_t count, const std::function<void(std::int64_t first, std::int64_t last)>& work);

}  // namespace kuda
