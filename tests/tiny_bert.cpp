#include "tests/tiny_bert.h"

#include <map>
#include <string>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/base/random.h"
#include "kuda/io/safetensors.h"

namespace kuda::test {

namespace {

constexpr std::int64_t kLayers = 6, kWidth = 32, kInner = 64, kPositions = 128;

std::vector<std::string> vocabulary() {
  std::vector<std::string> pieces{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    pieces.push_back(std::string(1, letter));
    pieces.push_back("##" + std::string(1, letter));
  }
  for (char digit = '0'; digit <= '9'; ++digit) {
    pieces.push_back(std::string(1, digit));
    pieces.push_back("##" + std::string(1, digit));
  }
  for (const char* piece :
       {".",  ",",  "!",    "?",    "'",    "-",   "the",  "a",   "i",     "it",   "is",    "was",   "and",
        "of", "to", "this", "that", "very", "not", "good", "bad", "great", "film", "movie", "story", "really"})
    if (std::string(piece).size() > 1 || (*piece < 'a' || *piece > 'z')) pieces.push_back(piece);
  return pieces;
}

/// Normal values of deviation 0.05, ones for the scale of a LayerNorm: enough that hidden states differ between texts.
class Weights {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape) {
    std::int64_t count = 1;
    for (const auto size : shape) count *= size;
    std::vector<float> values(static_cast<std::size_t>(count));
    const bool is_scale = name.ends_with("LayerNorm.weight");
    for (auto& value : values) value = is_scale ? 1.0F : static_cast<float>(0.05 * random_.normal());
    arrays_[name] = io::make_array(std::move(shape), values);
  }
  void add_linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", {kWidth});
    add(name + ".bias", {kWidth});
  }
  [[nodiscard]] const std::map<std::string, io::Array>& arrays() const { return arrays_; }

 private:
  Random random_{stream_seed(1, "tiny bert")};
  std::map<std::string, io::Array> arrays_;
};

}  // namespace

void write_tiny_bert(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto pieces = vocabulary();
  std::string vocab;
  for (const auto& piece : pieces) vocab += piece + "\n";
  write_file(folder / "vocab.txt", vocab);
  write_file(folder / "config.json",
             R"({"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,)"
             R"( "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "type_vocab_size": 2,)"
             R"( "vocab_size": )" +
                 std::to_string(pieces.size()) + R"(, "hidden_size": )" + std::to_string(kWidth) +
                 R"(, "num_hidden_layers": )" + std::to_string(kLayers) + R"(, "num_attention_heads": 4,)" +
                 R"( "intermediate_size": )" + std::to_string(kInner) + R"(, "max_position_embeddings": )" +
                 std::to_string(kPositions) + "}\n");

  Weights weights;
  weights.add("embeddings.word_embeddings.weight", {static_cast<std::int64_t>(pieces.size()), kWidth});
  weights.add("embeddings.position_embeddings.weight", {kPositions, kWidth});
  weights.add("embeddings.token_type_embeddings.weight", {2, kWidth});
  weights.add_norm("embeddings.LayerNorm");
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string name = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* part : {"query", "key", "value"})
      weights.add_linear(name + "attention.self." + part, kWidth, kWidth);
    weights.add_linear(name + "attention.output.dense", kWidth, kWidth);
    weights.add_norm(name + "attention.output.LayerNorm");
    weights.add_linear(name + "intermediate.dense", kInner, kWidth);
    weights.add_linear(name + "output.dense", kWidth, kInner);
    weights.add_norm(name + "output.LayerNorm");
  }
  weights.add_linear("pooler.dense", kWidth, kWidth);
  io::write_safetensors(folder / "model.safetensors", weights.arrays());
}

}  // namespace kuda::test
