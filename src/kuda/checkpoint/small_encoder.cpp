#include "kuda/checkpoint/small_encoder.h"

#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/base/random.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {

void write_small_encoder(const std::filesystem::path& folder, std::int64_t layers, std::int64_t width,
                         std::uint64_t seed, const std::vector<std::string>& words) {
  make_folder(folder);
  std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n,\n'\n-\n!\n?\n";
  std::int64_t pieces = 11;
  for (const char letter : std::string("abcdefghijklmnopqrstuvwxyz0123456789")) {
    vocabulary += std::string(1, letter) + "\n##" + letter + "\n";
    pieces += 2;
  }
  for (const auto& word : words) {
    vocabulary += word + "\n";
    ++pieces;
  }
  BertConfig config;
  config.vocab_size = pieces;
  config.hidden_size = width;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 2;
  config.intermediate_size = 2 * width;
  config.max_position_embeddings = 64;
  torch::manual_seed(stream_seed(seed, "small encoder"));
  const Bert bert(config);
  write_file(folder / "vocab.txt", vocabulary);
  write_file(folder / "config.json", config.to_json());
  io::write_safetensors(folder / "model.safetensors", state_of(*bert), {{"format", "pt"}});
}

}  // namespace kuda
