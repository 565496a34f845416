#include "kuda/text/cut_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"
#include "kuda/text/wordpiece.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;

/// Three random layers over a vocabulary of words, of which a text uses some; [PAD] is not the first piece.
fs::path whole_encoder() {
  const auto folder = scratch_folder("whole");
  write_file(folder / "vocab.txt", "zebra\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\nbad\nfilm\n##s\n##ing\n.\n");
  BertConfig config;
  config.vocab_size = 12;
  config.hidden_size = 8;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 2;
  config.intermediate_size = 16;
  config.max_position_embeddings = 16;
  config.pad_token_id = 1;
  torch::manual_seed(3);
  const Bert bert(config);
  write_file(folder / "config.json", config.to_json());
  io::write_safetensors(folder / "model.safetensors", state_of(*bert));
  return folder;
}

/// Hidden states of a text, padded to eight positions.
std::vector<torch::Tensor> hidden_of(const fs::path& folder, const std::string& text) {
  Bert bert(BertConfig::load(folder));
  load_bert_weights(*bert, folder);
  bert->eval();
  const auto encoded = WordPiece::load(folder / "vocab.txt").encode(text, 8);
  const auto ids = torch::tensor(encoded.ids, torch::kInt64).unsqueeze(0);
  const auto padding = (torch::arange(8) >= encoded.length).unsqueeze(0);
  const torch::NoGradGuard no_grad;
  return bert->forward(ids, {}, padding);
}

TEST(CutEncoder, GivesTheHiddenStatesOfTheWholeOneOnTheTextsItWasCutFor) {
  const auto whole = whole_encoder(), small = scratch_folder("small");
  const auto kept = write_cut_encoder(whole, small, 2, {"good films", "Bad."});
  EXPECT_EQ(kept.layers, 2);
  EXPECT_EQ(kept.pieces, 10) << "without zebra and ##ing";
  for (const auto* text : {"bad films.", "good"}) {
    const auto expected = hidden_of(whole, text), found = hidden_of(small, text);
    ASSERT_EQ(found.size(), 3U);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_TRUE(torch::equal(found[i], expected[i])) << text << i;
  }
}

TEST(CutEncoder, KeepsAllLayersWhereNoneIsNamedAndTheSameArgumentsGiveTheSameBytes) {
  const auto whole = whole_encoder(), first = scratch_folder("first"), second = scratch_folder("second");
  EXPECT_EQ(write_cut_encoder(whole, first, 0, {"good"}).layers, 3);
  (void)write_cut_encoder(whole, second, 0, {"good"});
  for (const char* file : {"config.json", "vocab.txt", "model.safetensors"})
    EXPECT_TRUE(read_file(first / file) == read_file(second / file)) << file;
}

TEST(CutEncoder, RefusesLayersThatAreNotThereAndItself) {
  const auto whole = whole_encoder();
  EXPECT_THAT(error_of<ConfigError>([&] { (void)write_cut_encoder(whole, scratch_folder("x"), 4, {}); }),
              HasSubstr("has 3 layers, 4 were asked for"));
  EXPECT_THAT(error_of<ConfigError>([&] { (void)write_cut_encoder(whole, whole / ".", 1, {}); }),
              HasSubstr("replace itself"));
}

}  // namespace
}  // namespace kuda
