#include "kuda/data/sources/facts.h"

#include <algorithm>
#include <cmath>

#include "kuda/base/utf8.h"
#include "kuda/data/sources/published.h"

namespace kuda {
namespace {

/// "video_0001", as CH-SIMS names its videos.
bool looks_like_sims(const std::string& video_id) {
  return video_id.size() > 6 && video_id.starts_with("video_") &&
         std::all_of(video_id.begin() + 6, video_id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

MetricFamily family_of(const Dataset& dataset) {
  bool unimodal = false, ids = !dataset.clips.empty();
  for (const Clip& clip : dataset.clips) {
    if (std::abs(clip.label) > 1) return MetricFamily::mosi;
    for (const float label : clip.unimodal_labels) unimodal = unimodal || !std::isnan(label);
    ids = ids && looks_like_sims(clip.video_id);
  }
  return unimodal || ids ? MetricFamily::sims : MetricFamily::mosi;
}

}  // namespace

std::array<std::int64_t, 3> split_sizes(const Dataset& dataset) {
  std::array<std::int64_t, 3> sizes{};
  for (const Clip& clip : dataset.clips) ++sizes[static_cast<std::size_t>(clip.split)];
  return sizes;
}

std::string language_of(const std::vector<Clip>& clips) {
  std::int64_t chinese = 0, latin = 0;
  for (const Clip& clip : clips) {
    for (const char32_t c : decode_utf8(clip.text)) {
      if (c >= 0x4000 && c <= 0x9FFF) ++chinese;
      if ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z') ++latin;
    }
  }
  if (chinese == 0 && latin == 0) return "";
  return 3 * chinese > latin ? "zh" : "en";  // a Chinese character says as much as several letters
}

void complete_facts(Dataset& dataset, const DataFacts& facts, const std::string& stem) {
  const PublishedSet* known = published_set(split_sizes(dataset));
  dataset.name = !facts.name.empty() ? facts.name : known != nullptr ? std::string(known->name) : stem;
  dataset.language = !facts.language.empty() ? facts.language
                     : known != nullptr      ? std::string(known->language)
                                             : language_of(dataset.clips);
  dataset.family = facts.family ? *facts.family : known != nullptr ? known->family : family_of(dataset);
  const double range = dataset.family == MetricFamily::sims ? 1 : 3;
  dataset.score_low = facts.score_range ? facts.score_range->first : -range;
  dataset.score_high = facts.score_range ? facts.score_range->second : range;
}

}  // namespace kuda
