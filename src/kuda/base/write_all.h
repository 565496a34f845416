#pragma once
// All bytes to an open file.

#include <cstddef>
#include <span>

namespace kuda {

/// Also in several goes, and where a signal comes between. False, with errno set, where writing fails.
[[nodiscard]] bool write_all(int descriptor, std::span<const std::byte> bytes);

}  // namespace kuda
