#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kuda/base/names.h"
#include "kuda/data/doctor/check.h"

namespace kuda {

std::string_view severity_name(Severity severity) noexcept {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

Severity CheckReport::worst() const noexcept {
  Severity worst = Severity::note;
  for (const Finding& finding : findings) worst = std::max(worst, finding.severity);
  return worst;
}

const Finding* CheckReport::find(std::string_view name, std::string_view modality) const noexcept {
  for (const Finding& finding : findings)
    if (finding.name == name && (modality.empty() || finding.modality == modality)) return &finding;
  return nullptr;
}

std::string CheckReport::text(std::size_t most_ids) const {
  std::string text = fmt::format("{} ({}), {} clips, fingerprint {}\n", dataset, source, clips, fingerprint);
  for (const Finding& finding : findings) {
    text += fmt::format("{:<8} {}{}{}\n", severity_name(finding.severity), finding.modality,
                        finding.modality.empty() ? "" : ": ", finding.message);
    if (finding.clips.empty()) continue;
    const auto shown = std::min(most_ids, finding.clips.size());
    const std::vector<std::string> first(finding.clips.begin(), finding.clips.begin() + std::ptrdiff_t(shown));
    text += fmt::format("{:<8} {}{}\n", "", join(first), shown < finding.clips.size() ? ", ..." : "");
  }
  return text;
}

std::string CheckReport::json() const {
  nlohmann::ordered_json all{{"dataset", dataset},
                             {"source", source},
                             {"fingerprint", fingerprint},
                             {"clips", clips},
                             {"worst", severity_name(worst())},
                             {"findings", nlohmann::ordered_json::array()}};
  for (const Finding& finding : findings)
    all["findings"].push_back({{"severity", severity_name(finding.severity)},
                               {"name", finding.name},
                               {"modality", finding.modality},
                               {"message", finding.message},
                               {"clips", finding.clips}});
  return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace kuda
