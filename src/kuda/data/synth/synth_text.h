#pragma once
// Templated English whose words carry the text's sentiment and whose frame says whether to trust it.
//
//   const std::string text = draw_text(random, level, 5, SynthRole::noise, 15);
//   // "Reportedly, the soup was dreadful and we sat near the window."
//
// Every word is one piece of the uncased English BERT vocabulary, so the number of word pieces is exact.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/data/synth/synth_rule.h"

namespace kuda {

inline constexpr std::int64_t kShortestText = 7;  ///< word pieces without specials

/// A text of exactly `pieces` words and punctuation marks, at least kShortestText.
/// The mean intensity of its opinion words is sentiment * 5 with sentiment = level / centre in [-1, 1], exact when
/// centre is 5, else rounded at random with that expectation; -centre <= level <= centre.
[[nodiscard]] std::string draw_text(Random& random, int level, int centre, SynthRole role, std::int64_t pieces);

/// What a reader who knows the word lists finds in a text.
struct TextEvidence {
  double sentiment = 0;  ///< mean intensity of the opinion words / 5, in [-1, 1]
  SynthRole role = SynthRole::support;
  int opinions = 0;  ///< number of opinion words
};
[[nodiscard]] TextEvidence read_text(std::string_view text);

// The word lists (synth_words.cpp).
using Words = std::vector<std::string_view>;
[[nodiscard]] const Words& opinion_words(int intensity);              ///< intensity in [-5, 5]
[[nodiscard]] const Words& frame_phrases(SynthRole role, int words);  ///< phrases of 1 to 4 words
[[nodiscard]] const std::vector<Words>& topics();                     ///< nouns, one list per topic
[[nodiscard]] const Words& linking_verbs();
[[nodiscard]] const Words& filler_clauses();  ///< 3 to 8 words; {day}, {number}, {person}, {city}, {month} are slots
[[nodiscard]] const Words& filler_words();
[[nodiscard]] const Words& slot_words(std::string_view slot);

}  // namespace kuda
