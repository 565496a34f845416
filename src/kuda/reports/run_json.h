#pragma once
// The JSON files of a run folder beside metrics.json. Not for headers: the parser is large.

#include <nlohmann/json.hpp>
#include <string>

#include "kuda/reports/run_collection.h"

namespace kuda {

/// run.json (runs/run_folder.h) or explain.json (explain/explain.h: summary_json); an object without keys when the
/// run has none. Throws DataError naming the file when it is no JSON.
[[nodiscard]] nlohmann::json run_json(const FinishedRun& run, const std::string& name = "run.json");

/// The value at "/data/name" as text; empty when there is none.
[[nodiscard]] std::string text_at(const nlohmann::json& object, const char* pointer);
/// A number there; NaN when there is none.
[[nodiscard]] double number_at(const nlohmann::json& object, const std::string& pointer);

}  // namespace kuda
