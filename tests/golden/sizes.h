#pragma once
// How large the presets are: the second table of docs/parity.md.

#include <cstdint>
#include <filesystem>
#include <string>

#include "kuda/data/shape.h"

namespace kuda::golden {

/// Lengths and widths of the published unaligned files of "sims", "simsv2", "mosi" or "mosei".
[[nodiscard]] DataShape published_shape(const std::string& data);

/// Parameters outside the text encoder of a preset for such data. The encoder is as wide as BERT-base, and so are the
/// text features of models that read those. Throws ConfigError when the preset cannot be read.
[[nodiscard]] std::int64_t preset_parameters(const std::filesystem::path& preset, DataShape shape);

/// Every model with its preset for CMU-MOSI in the folder `configs`, as Markdown.
[[nodiscard]] std::string sizes_table(const std::filesystem::path& configs);

}  // namespace kuda::golden
