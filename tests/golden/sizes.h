#pragma once
// How large the presets are: the second part of docs/parity.json.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "kuda/data/shape.h"

namespace kuda::golden {

/// Lengths and widths of the published unaligned files of a data set (data/sources/published.h).
[[nodiscard]] DataShape published_shape(const std::string& data);

/// Parameters outside the text encoder of a preset for such data. The encoder is as wide as BERT-base, and so are the
/// text features of models that read those. Throws ConfigError when the preset cannot be read.
[[nodiscard]] std::int64_t preset_parameters(const std::filesystem::path& preset, DataShape shape);

/// Every model with its preset for CMU-MOSI in the folder `configs`, by name.
[[nodiscard]] std::map<std::string, std::int64_t> preset_sizes(const std::filesystem::path& configs);

}  // namespace kuda::golden
