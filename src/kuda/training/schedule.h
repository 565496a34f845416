#pragma once
// Learning rate of an epoch.

#include <cstdint>
#include <string>
#include <string_view>

namespace kuda {

/// Rate in epoch `epoch` (0-based) of `num_epochs`:
///   "released"  the published KuDA schedule: linear from 0 over w = warmup * num_epochs, then a cosine over the rest.
///               Epoch 0 has rate 0, and the full rate is used twice where w is whole.
///   "shifted"   the same with epoch 0 at base / w instead of 0
///   "constant"  base
/// Throws ConfigError for an unknown name. Source: models' specification, section 7 (MKMaS-GUET/KuDA e60ef6b).
[[nodiscard]] double learning_rate(std::string_view name, double base, std::int64_t epoch, std::int64_t num_epochs,
                                   double warmup = 0.1);

}  // namespace kuda
