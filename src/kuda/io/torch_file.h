#pragma once
// Private to io/: the two formats of torch.save. torch_zip.h has the newer one, weights_file.h chooses between them.

#include <memory>
#include <span>
#include <string>

#include "kuda/io/safetensors.h"

namespace kuda::io {

[[nodiscard]] bool is_torch_legacy(std::span<const std::byte> bytes) noexcept;

/// The format before PyTorch 1.6. Every size is checked against the file. Throws FormatError naming file and byte.
[[nodiscard]] ArrayFile read_torch_legacy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                                          const std::string& name);

}  // namespace kuda::io
