#include "kuda/text/tokenizer_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::error_of;
using test::scratch_folder;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nGood\nfilm\nnba\nNBA\n##s\n";

fs::path folder_of(const json& files) {
  const auto folder = scratch_folder("tokenizer");
  for (const auto& [name, content] : files.items())
    write_file(folder / name, content.is_string() ? content.get<std::string>() : content.dump());
  return folder;
}

/// Folders of every kind that people have, with the ids that the Python library transformers gives
/// (data/tokenizer/make.py).
TEST(TokenizerFolder, GivesTheIdsOfTransformers) {
  const auto stored = json::parse(read_file(test::data_file("tokenizer/answers.json")));
  std::size_t texts = 0;
  for (const auto& entry : stored.at("folders")) {
    const auto folder = folder_of(entry.at("files"));
    const auto loaded = load_tokenizer(folder);
    const auto kept = scratch_folder("kept");
    save_tokenizer(kept, loaded);
    const auto again = load_tokenizer(kept);
    EXPECT_EQ(again.pieces(), loaded.pieces()) << entry.at("name");
    for (const auto& answer : entry.at("answers")) {
      const auto text = answer.at("text").get<std::string>();
      auto ids = answer.at("ids").get<std::vector<std::int64_t>>();
      const auto length = std::int64_t(ids.size());
      EXPECT_EQ(loaded.encode(text, length).ids, ids) << entry.at("name") << ": " << text;
      EXPECT_EQ(loaded.encode(text, length).length, length);
      EXPECT_EQ(loaded.encode(text, length + 1).length, length) << entry.at("name") << ": " << text;
      EXPECT_EQ(again.encode(text, length + 1).ids, loaded.encode(text, length + 1).ids) << "saved and loaded";
      ++texts;
    }
  }
  EXPECT_EQ(texts, 15U * 17U);
}

TEST(TokenizerFolder, WordsThatAreNeverSplitStayAsTheyAre) {
  const auto folder = folder_of({{"vocab.txt", kVocabulary}, {"tokenizer_config.json", {{"never_split", {"NBA"}}}}});
  EXPECT_THAT(load_tokenizer(folder).tokens("Good NBA nba"), ElementsAre("[CLS]", "good", "NBA", "nba", "[SEP]"));
}

TEST(TokenizerFolder, ANormaliserInTokenizerJsonCountsWhereNoConfigSaysOtherwise) {
  json file{{"normalizer", {{"type", "BertNormalizer"}, {"lowercase", false}}},
            {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
            {"model",
             {{"type", "WordPiece"},
              {"vocab", {{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}, {"Good", 4}, {"good", 5}}}}}};
  EXPECT_THAT(load_tokenizer(folder_of({{"tokenizer.json", file}})).tokens("Good"),
              ElementsAre("[CLS]", "Good", "[SEP]"));
  EXPECT_THAT(
      load_tokenizer(folder_of({{"tokenizer.json", file}, {"tokenizer_config.json", {{"do_lower_case", true}}}}))
          .tokens("Good"),
      ElementsAre("[CLS]", "good", "[SEP]"));
  file["model"]["vocab"]["far"] = 1'000'000'000;
  EXPECT_THAT(error_of<DataError>([&] {
                (void)load_tokenizer(folder_of({{"tokenizer.json", file}}));
              }),
              HasSubstr("id 1000000000 of 'far'"));
}

TEST(TokenizerFolder, BlankLinesAtTheEndAreNoPieces) {
  EXPECT_EQ(load_tokenizer(folder_of({{"vocab.txt", kVocabulary + "\n\r\n"}})).size(), 11);
}

TEST(TokenizerFolder, AnotherClassOfTokenizerIsRefused) {  // cl-tohoku/bert-base-japanese has vocab.txt, and MeCab
  const auto with_class = [&](const char* name) {
    return folder_of({{"vocab.txt", kVocabulary}, {"tokenizer_config.json", {{"tokenizer_class", name}}}});
  };
  EXPECT_THAT(error_of<DataError>([&] { (void)load_tokenizer(with_class("BertJapaneseTokenizer")); }),
              HasSubstr("tokenizer_class: expected BertTokenizer, found BertJapaneseTokenizer"));
  EXPECT_EQ(load_tokenizer(with_class("BertTokenizerFast")).size(), 11);
}

TEST(TokenizerFolder, AByteOrderMarkIsNoPartOfTheFirstPiece) {
  const auto tokenizer = load_tokenizer(folder_of({{"vocab.txt", "\xEF\xBB\xBF" + kVocabulary}}));
  EXPECT_EQ(tokenizer.pieces().front(), "[PAD]");
  EXPECT_EQ(tokenizer.size(), 11);
}

TEST(TokenizerFolder, WhatWordPieceCannotDoIsRefused) {
  const auto message = [&](const json& files) {
    return error_of<Error>([&] { (void)load_tokenizer(folder_of(files)); });
  };
  const json parts{{"normalizer", {{"type", "BertNormalizer"}}}, {"pre_tokenizer", {{"type", "BertPreTokenizer"}}}};
  auto bpe = parts, nothing = parts, other = parts;
  bpe["model"] = {{"type", "BPE"}, {"vocab", json::object()}};
  nothing["model"] = {{"type", "WordPiece"}, {"vocab", json::object()}};
  other["model"] = {{"type", "WordPiece"}, {"vocab", {{"[PAD]", 0}}}};
  other["normalizer"] = nullptr;
  EXPECT_THAT(message({{"tokenizer.json", bpe}}), HasSubstr("model: type: expected \"WordPiece\", found \"BPE\""));
  EXPECT_THAT(message({{"tokenizer.json", nothing}}), HasSubstr("the vocabulary is empty"));
  EXPECT_THAT(message({{"tokenizer.json", other}}), HasSubstr("normalizer: expected an object, found nothing"));
  EXPECT_THAT(message({{"tokenizer.json", "[1]"}}), HasSubstr("tokenizer.json: not a JSON object"));
  EXPECT_THAT(message({{"vocab.txt", kVocabulary}, {"tokenizer_config.json", {{"do_lower_case", "no"}}}}),
              HasSubstr("do_lower_case: expected true or false, found \"no\""));
  EXPECT_THAT(message({{"vocab.txt", kVocabulary}, {"added_tokens.json", {{"[LAUGH]", 5}}}}),
              HasSubstr("added token '[LAUGH]': id 5 is that of 'good'"));
  EXPECT_THAT(message({{"vocab.txt", kVocabulary}, {"added_tokens.json", {{"[LAUGH]", 2'000'000'000}}}}),
              HasSubstr("id 2000000000 lies far beyond the 11 pieces"));
  EXPECT_THAT(error_of<DataError>([&] {
                (void)load_tokenizer(folder_of({{"tokenizer_config.json", json::object()}}));
              }),
              HasSubstr("neither tokenizer.json nor vocab.txt"))
      << "exit code 4, as all that is wrong with an encoder";
}

}  // namespace
}  // namespace kuda
