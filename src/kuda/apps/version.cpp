#include "kuda/apps/version.h"

#include <torch/version.h>

namespace kuda {

std::string version_text() { return std::string("kuda ") + KUDA_VERSION + ", LibTorch " + TORCH_VERSION; }

}  // namespace kuda
