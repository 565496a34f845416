#pragma once
// The words of a clip as alignment by words takes them (data/word_rows.h).

#include <vector>

#include "kuda/data/word_rows.h"
#include "kuda/extract/extracted_clip.h"

namespace kuda {

[[nodiscard]] inline std::vector<TimedWord> timed_words(const std::vector<HeardWord>& heard) {
  std::vector<TimedWord> words;
  for (const auto& word : heard) words.push_back({word.text, word.begin, word.end});
  return words;
}

}  // namespace kuda
