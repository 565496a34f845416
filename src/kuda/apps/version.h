#pragma once

#include <string>

namespace kuda {

/// "kuda 0.1.0, LibTorch 2.13.0"
[[nodiscard]] std::string version_text();

}  // namespace kuda
