#pragma once
// What a finished run says on stdout, read back from its folder.

#include <filesystem>

#include "kuda/data/dataset.h"

namespace kuda {

/// The metric table of one split: model, majority and mean predictor; then where everything lies.
void print_run(const std::filesystem::path& folder, Split split);

/// metrics.json as it stands.
void print_run_json(const std::filesystem::path& folder);

}  // namespace kuda
