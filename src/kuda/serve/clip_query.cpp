#include "kuda/serve/clip_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

constexpr std::size_t kLongestQuery = 200;  ///< characters
const std::vector<std::string> kParameters{"split", "offset", "limit", "query"};
const std::vector<std::string> kSplitWords{"all", "train", "valid", "test"};

bool contains(std::string_view text, std::string_view part) {
  return lower_case(text).find(lower_case(part)) != std::string::npos;
}

}  // namespace

std::size_t whole_number(const std::string& name, const std::string& text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value < least || value > most)
    throw DataError(
        fmt::format("{}: expected a whole number from {} to {}, found '{}'", name, least, most, text.substr(0, 40)));
  return value;
}

ClipQuery parse_clip_query(const std::multimap<std::string, std::string>& parameters) {
  constexpr std::size_t kFarthest = 1'000'000'000;
  ClipQuery query;
  std::set<std::string> seen;
  for (const auto& [name, value] : parameters) {
    const auto shown = name.substr(0, 40);
    if (std::find(kParameters.begin(), kParameters.end(), name) == kParameters.end())
      throw DataError(fmt::format("unknown parameter '{}'", shown), suggestion(shown, kParameters));
    if (!seen.insert(name).second) throw DataError(fmt::format("the parameter '{}' is there twice", name));
    if (name == "split") {
      if (std::find(kSplitWords.begin(), kSplitWords.end(), value) == kSplitWords.end())
        throw DataError(fmt::format("split: unknown '{}'", value.substr(0, 40)),
                        suggestion(value.substr(0, 40), kSplitWords));
      query.split = value;
    } else if (name == "query") {
      if (count_code_points(value) > kLongestQuery)
        throw DataError(
            fmt::format("query: expected at most {} characters, found {}", kLongestQuery, count_code_points(value)));
      query.query = value;
    } else if (name == "offset") {
      query.offset = whole_number(name, value, 0, kFarthest);
    } else {
      query.limit = whole_number(name, value, 1, kMostListed);
    }
  }
  return query;
}

FoundClips find_clips(const std::vector<DataClip>& clips, const ClipQuery& query) {
  FoundClips found;
  for (const auto& clip : clips) {
    if (query.split != "all" && query.split != clip.split) continue;
    if (!contains(clip.id, query.query) && !contains(clip.text, query.query)) continue;
    if (found.total >= query.offset && found.clips.size() < query.limit) found.clips.push_back(&clip);
    ++found.total;
  }
  return found;
}

}  // namespace kuda
