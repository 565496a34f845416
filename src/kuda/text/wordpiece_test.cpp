#include "kuda/text/wordpiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using Pieces = std::vector<std::string>;

const WordPiece& small(bool lower_case = true) {
  static const Pieces pieces{"[PAD]", "[UNK]", "[CLS]",    "[SEP]",  "[MASK]", "a",  "fine", "film",
                             "##s",   "un",    "##believ", "##able", "cafe",   ",",  "!",    "$",
                             "情",    "感",    "i",        "Film",   "x",      "##x"};
  static const auto lower = WordPiece::from_pieces(pieces),
                    cased = WordPiece::from_pieces(pieces, {.do_lower_case = false});
  return lower_case ? lower : cased;
}

TEST(WordPiece, TakesTheLongestPieceFirst) {
  EXPECT_THAT(small().tokens("A fine film"), ElementsAre("[CLS]", "a", "fine", "film", "[SEP]"));
  EXPECT_THAT(small().tokens("unbelievable FILMS!"),
              ElementsAre("[CLS]", "un", "##believ", "##able", "film", "##s", "!", "[SEP]"));
  EXPECT_THAT(small().tokens("filmy film"), ElementsAre("[CLS]", "[UNK]", "film", "[SEP]"));
}

TEST(WordPiece, SplitsAtPunctuationAndIdeographs) {
  EXPECT_THAT(small().tokens("film,a!$"), ElementsAre("[CLS]", "film", ",", "a", "!", "$", "[SEP]"));
  EXPECT_THAT(small().tokens("情感film"), ElementsAre("[CLS]", "情", "感", "film", "[SEP]"));
  EXPECT_THAT(small().tokens("a\u2028film\u00a0a\t\n a"), ElementsAre("[CLS]", "a", "film", "a", "a", "[SEP]"));
}

TEST(WordPiece, DropsAccentsControlsAndReplacementCharacters) {
  EXPECT_THAT(small().tokens("Café cafe\u0301"), ElementsAre("[CLS]", "cafe", "cafe", "[SEP]"));
  EXPECT_THAT(small().tokens(std::string("fi\0lm f\xffilm \xe4\xbd", 15)),
              ElementsAre("[CLS]", "film", "film", "[SEP]"));
  EXPECT_THAT(small().tokens("f\u200bilm \ue000"), ElementsAre("[CLS]", "film", "[SEP]"));
  EXPECT_THAT(small().tokens("İ"), ElementsAre("[CLS]", "i", "[SEP]"));
}

TEST(WordPiece, SpecialTokensInTextStayWhole) {
  EXPECT_THAT(small().tokens("a[MASK]film [SEP]"), ElementsAre("[CLS]", "a", "[MASK]", "film", "[SEP]", "[SEP]"));
  EXPECT_THAT(small().tokens("[mask]"), ElementsAre("[CLS]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"));
}

TEST(WordPiece, CasedTextKeepsCaseAndAccents) {
  EXPECT_THAT(small(false).tokens("Film café"), ElementsAre("[CLS]", "Film", "[UNK]", "[SEP]"));
}

TEST(WordPiece, WordsBeyondAHundredCharactersAreUnknown) {
  const auto pieces = small().tokens(std::string(100, 'x'));
  EXPECT_EQ(pieces.size(), 102U);
  EXPECT_EQ(pieces[1], "x");
  EXPECT_THAT(small().tokens(std::string(101, 'x')), ElementsAre("[CLS]", "[UNK]", "[SEP]"));
}

TEST(WordPiece, EncodesToTheAskedLength) {
  const auto padded = small().encode("a film", 6);
  EXPECT_THAT(padded.ids, ElementsAre(2, 5, 7, 3, 0, 0));
  EXPECT_EQ(padded.length, 4);
  const auto cut = small().encode("a fine film", 4);
  EXPECT_THAT(cut.ids, ElementsAre(2, 5, 6, 3));
  EXPECT_EQ(cut.length, 4);
  EXPECT_THAT(small().encode("", 2).ids, ElementsAre(2, 3));
  EXPECT_THROW((void)small().encode("a", 1), ConfigError);
}

TEST(WordPiece, LoadsAFileWithEitherLineEnd) {
  const auto path = test::scratch("vocab.txt");
  write_file(path, "[PAD]\r\n[UNK]\r\n[CLS]\n[SEP]\na\na\n");
  const auto tokenizer = WordPiece::load(path);
  EXPECT_EQ(tokenizer.size(), 6);
  EXPECT_EQ(tokenizer.path(), path);
  EXPECT_THAT(tokenizer.encode("a", 3).ids, ElementsAre(2, 5, 3)) << "of equal pieces the last counts";
}

TEST(WordPiece, AVocabularyWithoutSpecialTokensIsRefused) {
  try {
    (void)WordPiece::from_pieces({"[PAD]", "[UNK]", "[CLS]"}, {}, "some/vocab.txt");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("some/vocab.txt: no piece [SEP] among 3"));
  }
  EXPECT_THROW((void)WordPiece::load("/nonexistent/vocab.txt"), FormatError);
}

std::string bytes_of(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

class StoredAnswers : public testing::TestWithParam<std::string> {};

TEST_P(StoredAnswers, AllHold) {
  const auto path = test::shared_file("golden/common/tokenizer_" + GetParam() + ".json");
  if (!fs::exists(path)) GTEST_SKIP() << "no golden collection at " << path;
  const auto facts = json::parse(read_file(path));
  const auto tokenizer =
      WordPiece::load(test::shared_file("data/vocab") / facts.at("vocab").get<std::string>() / "vocab.txt");
  const auto check = [&](const std::string& text, const json& fact) {
    EXPECT_EQ(tokenizer.tokens(text), fact.at("tokens").get<Pieces>()) << text;
    for (const std::int64_t length : {39, 50}) {
      const auto name = std::to_string(length);
      const auto ids = tokenizer.encode(text, length);
      EXPECT_EQ(ids.ids, fact.at("ids_" + name).get<std::vector<std::int64_t>>()) << text;
      EXPECT_EQ(ids.length, fact.at("n_" + name).get<std::int64_t>()) << text;
    }
  };
  for (const auto& fact : facts.at("cases")) check(fact.at("text"), fact);
  for (const auto& fact : facts.at("bytes_cases")) check(bytes_of(fact.at("utf8_hex")), fact);
  EXPECT_GE(facts.at("cases").size() + facts.at("bytes_cases").size(), 394U);
}

INSTANTIATE_TEST_SUITE_P(Languages, StoredAnswers, testing::Values("en", "zh"));

}  // namespace
}  // namespace kuda
