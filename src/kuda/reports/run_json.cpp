#include "kuda/reports/run_json.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_place.h"

namespace kuda {

nlohmann::json run_json(const FinishedRun& run, const std::string& name) {
  const auto path = run.folder / name;
  if (!std::filesystem::exists(path)) return nlohmann::json::object();
  return parse_json(read_file(path), path.string());
}

std::string text_at(const nlohmann::json& object, const char* pointer) {
  const nlohmann::json::json_pointer place(pointer);
  if (!object.contains(place)) return "";
  const auto& value = object.at(place);
  return value.is_string() ? value.get<std::string>() : value.dump();
}

double number_at(const nlohmann::json& object, const std::string& pointer) {
  const nlohmann::json::json_pointer place(pointer);
  return object.contains(place) && object.at(place).is_number() ? object.at(place).get<double>() : kUndefined;
}

}  // namespace kuda
