#include "kuda/base/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kuda/base/error.h"

namespace kuda {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  // A name that was cut short, "val": when it begins one alone, that is meant.
  const auto is_begun = [&](const std::string& candidate) { return candidate.starts_with(name); };
  if (name.size() > 1 && std::count_if(known.begin(), known.end(), is_begun) == 1)
    return *std::find_if(known.begin(), known.end(), is_begun);
  // A third of the letters may be wrong (at least two): beyond that a proposal misleads more than it helps.
  std::size_t best = std::max<std::size_t>(2, name.size() / 3) + 1;
  std::string nearest;
  for (const auto& candidate : known) {
    const auto distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return "there is none to choose from";
  const auto nearest = nearest_name(name, known);
  return (nearest.empty() ? std::string() : "did you mean '" + nearest + "'? ") + "known: " + join(known);
}

std::size_t place_of(std::string_view name, std::span<const char* const> known, std::string_view what) {
  const auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end())
    throw ConfigError(fmt::format("unknown {} '{}'", what, name), suggestion(name, {known.begin(), known.end()}));
  return static_cast<std::size_t>(found - known.begin());
}

std::string join(const std::vector<std::string>& items, std::string_view separator) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += separator;
    text += item;
  }
  return text;
}

}  // namespace kuda
