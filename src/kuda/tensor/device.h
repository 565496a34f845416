#pragma once
// The device that a name means.

#include <c10/core/Device.h>

#include <string>

namespace kuda {

/// "cpu", "cuda", "cuda:1". Throws ConfigError when there is no such device here.
[[nodiscard]] c10::Device device_of(const std::string& name);

}  // namespace kuda
