// A bounded random run: whatever the bytes, WordPiece gives ids of its vocabulary and keeps its lengths.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "kuda/base/random.h"
#include "kuda/base/utf8.h"
#include "kuda/text/wordpiece.h"

namespace kuda {
namespace {

/// Fragments between which the rules of the tokenizer change.
constexpr std::array<std::string_view, 20> kFragments{
    "[MASK]", "[CLS", "]",        "##",       "\xe6\x83\x85", "\xcc\x81", "\xed\x95\x9c", "\xe2\x80\xa8", "\xc2\xa0",
    "\xff",   "\xf0", "\xef\xbf", "\xed\xa0", "\xc4\xb0",     " ",        "unbelievable", "\xf0\x9f\x98", "$",
    "\n",     "e"};

std::string random_text(Random& random) {
  std::string text;
  const auto parts = random.below(40);
  for (std::uint64_t i = 0; i < parts; ++i) {
    if (random.below(2) == 0)
      text += kFragments[random.below(kFragments.size())];
    else
      text += static_cast<char>(random.below(256));
  }
  return text;
}

TEST(WordPieceFuzz, AnyBytesGiveIdsOfTheVocabularyAndTheAskedLength) {
  const std::vector<std::string> pieces{"[PAD]",        "[UNK]",         "[CLS]", "[SEP]", "[MASK]", "un",
                                        "##believ",     "##able",        "e",     "##e",   "$",      "#",
                                        "\xe6\x83\x85", "##\xe1\x84\x92"};
  for (const bool lower_case : {true, false}) {
    const auto tokenizer = WordPiece::from_pieces(pieces, {.do_lower_case = lower_case});
    Random random(20240211);
    for (int run = 0; run < 20000; ++run) {
      const auto text = random_text(random);
      const auto tokens = tokenizer.tokens(text);
      ASSERT_EQ(tokens.front(), "[CLS]");
      ASSERT_EQ(tokens.back(), "[SEP]");
      // Hangul decomposes into at most three letters, other code points into at most four.
      ASSERT_LE(tokens.size(), 4 * decode_utf8(text).size() + 2);
      const auto length = static_cast<std::int64_t>(2 + random.below(60));
      const auto ids = tokenizer.encode(text, length);
      ASSERT_EQ(ids.ids.size(), static_cast<std::size_t>(length));
      ASSERT_EQ(ids.length, std::min<std::int64_t>(length, static_cast<std::int64_t>(tokens.size())));
      for (std::int64_t i = 0; i < length; ++i) {
        const auto id = ids.ids[static_cast<std::size_t>(i)];
        ASSERT_GE(id, 0);
        ASSERT_LT(id, tokenizer.size());
        const auto expected = i >= ids.length       ? "[PAD]"
                              : i + 1 == ids.length ? "[SEP]"
                                                    : tokens[static_cast<std::size_t>(i)];
        ASSERT_EQ(pieces[static_cast<std::size_t>(id)], expected);
      }
    }
  }
}

TEST(WordPieceFuzz, LongTextsTakeLinearTime) {
  const auto tokenizer = WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "e", "##e"});
  EXPECT_EQ(tokenizer.tokens(std::string(1000000, 'e')).size(), 3U) << "one unknown word";
  std::string words;
  for (int i = 0; i < 100000; ++i) words += "e ";
  EXPECT_EQ(tokenizer.tokens(words).size(), 100002U);
}

}  // namespace
}  // namespace kuda
