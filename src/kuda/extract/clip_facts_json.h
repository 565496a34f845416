#pragma once
// What was heard and counted in a clip, as JSON: the one list of it, for files of clips and for answers. Not for
// headers: the parser is large.

#include <nlohmann/json.hpp>

#include "kuda/extract/clip_report.h"

namespace kuda {

/// Keys: transcript, language, words, seconds, ..., missing (by modality, in words; none where all are there).
[[nodiscard]] nlohmann::ordered_json facts_json(const ClipReport& clip);

}  // namespace kuda
