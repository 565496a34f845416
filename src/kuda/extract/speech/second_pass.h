#pragma once
// A recogniser that writes down twice what was said once: "BIMBLUE F2 now. BIMBLUE F2 now."

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kuda/extract/speech/speech.h"

namespace kuda {

/// Nobody says more: about 7 words, or 8 Chinese syllables of two pieces, a second.
inline constexpr double kMostPiecesPerSecond = 20;

/// When the last pieces are two copies of the same four or more, and nothing was said that the second could stand for:
/// the number of pieces in front of it. `begins` [n + 1] is when each piece begins and the last one ends (row_times),
/// `middles` [n] where the model listened for each; seconds, as those of `parts`, in which somebody speaks.
///
/// Both of this must hold:
///   - less speech lies under the second copy than that many pieces take, and
///   - the model listened where it had listened for the first copy: on average it moved on by less than half of that.
/// Who says a sentence twice takes time for it, and is listened to later the second time.
[[nodiscard]] std::optional<std::size_t> second_pass(const std::vector<std::int64_t>& ids,
                                                     const std::vector<double>& begins,
                                                     const std::vector<double>& middles,
                                                     const std::vector<SpeechPart>& parts);

}  // namespace kuda
