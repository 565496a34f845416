#pragma once
// How much of a clip a model does not get to see, because it is longer than what the model reads. No LibTorch.

#include <cstdint>
#include <optional>

#include "kuda/data/modality.h"

namespace kuda {

/// Frames, or word pieces with the first and the last one ([CLS], [SEP]).
struct Cut {
  std::int64_t from = 0, to = 0;  ///< of the clip, and of it what the model reads
  [[nodiscard]] bool operator==(const Cut&) const = default;
};

/// None for a modality that is read as a whole.
using Cuts = PerModality<std::optional<Cut>>;

/// Nothing where `from` is no more than `to`.
[[nodiscard]] inline std::optional<Cut> cut_between(std::int64_t from, std::int64_t to) {
  return from > to ? std::optional<Cut>(Cut{from, to}) : std::nullopt;
}

}  // namespace kuda
