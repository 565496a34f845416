#pragma once
// What names a data set: SHA-256 of its clips and of its features. Two results may be compared only where it is equal.
//
//   dataset.features_digest = features_digest(dataset);   // reads every feature once
//   dataset.fingerprint = fingerprint_of(dataset);        // cheap: clips only

#include <array>
#include <string>

#include "kuda/data/dataset.h"

namespace kuda {

/// Of ids, splits, texts and labels, in order.
[[nodiscard]] std::string clips_digest(const Dataset& dataset);
/// Of all features, their declared and padded lengths, and the stored token ids.
[[nodiscard]] std::string features_digest(const Dataset& dataset);
/// The same where the SHA-256 of the values of each feature is known already, by Modality.
[[nodiscard]] std::string features_digest(const Dataset& dataset, const PerModality<std::string>& values);
/// Of clips_digest(dataset) and dataset.features_digest, which must be there.
[[nodiscard]] std::string fingerprint_of(const Dataset& dataset);

}  // namespace kuda
