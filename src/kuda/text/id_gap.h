#pragma once
// Private to text/: gaps between the ids of a vocabulary are real, a table of a billion pieces is not.

#include <cstddef>
#include <cstdint>

namespace kuda {

inline constexpr std::int64_t kMostGap = 65536;

/// Whether an id can be one of a vocabulary of so many pieces, or of a token that was added to them.
[[nodiscard]] constexpr bool is_near_vocabulary(std::int64_t id, std::size_t pieces) noexcept {
  return id >= 0 && id < static_cast<std::int64_t>(pieces) + kMostGap;
}

}  // namespace kuda
