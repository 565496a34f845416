#pragma once
// Private to the doctor: its parts, each adding what it finds.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/data/dataset.h"
#include "kuda/data/doctor/check.h"

namespace kuda {

struct Findings {
  std::vector<Finding> list;
  void add(Severity severity, std::string name, std::string modality, std::string message,
           std::vector<std::string> clips = {});
};

/// Reads every frame: not finite, zero length, all zero, lengths against frames, leading zeros, constant features,
/// clips that are copies of each other.
void check_features(const Dataset& data, Findings& findings);

/// Ids that come twice, and videos with clips in more than one split.
void check_names(const Dataset& data, Findings& findings);

/// Stored token ids that name no word (the attention mask is zero throughout), and those that end without the closing
/// piece.
void check_stored_tokens(const Dataset& data, Findings& findings);

/// Clips with a stored token id of at least `size`.
[[nodiscard]] std::vector<std::string> clips_with_ids_from(const Dataset& data, std::int64_t size);

}  // namespace kuda
