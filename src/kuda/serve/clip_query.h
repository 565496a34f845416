#pragma once
// The query of GET /v1/clips, and the clips of the data set that it asks for. No LibTorch.
//
//   const auto query = parse_clip_query({{"split", "test"}, {"query", "fine"}});
//   find_clips(predictor.clips(), query).clips.front()->text;

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "kuda/predictor/clip.h"

namespace kuda {

inline constexpr std::size_t kMostListed = 200;

struct ClipQuery {
  std::string split = "all";  ///< or train, valid, test
  std::string query{};        ///< part of an id or a text; ASCII letters of either case; empty: every clip
  std::size_t offset = 0, limit = 50;
};

/// Throws DataError naming the parameter unless the whole text is a number from `least` to `most`.
[[nodiscard]] std::size_t whole_number(const std::string& name, const std::string& text, std::size_t least,
                                       std::size_t most);

/// Throws DataError naming the parameter: unknown (with the nearest), given twice, no number, beyond kMostListed.
[[nodiscard]] ClipQuery parse_clip_query(const std::multimap<std::string, std::string>& parameters);

struct FoundClips {
  std::size_t total = 0;  ///< that match, also beyond `limit`
  std::vector<const DataClip*>
      clips{};  ///< from `offset`, at most `limit`; they live as long as the list they are from
};
[[nodiscard]] FoundClips find_clips(const std::vector<DataClip>& clips, const ClipQuery& query);

}  // namespace kuda
