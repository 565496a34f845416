#include "kuda/text/cut_encoder.h"

#include <fmt/format.h>

#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/tensor.h"
#include "kuda/text/bert.h"
#include "kuda/text/tokenizer_folder.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// Ids of the pieces to keep, ascending.
std::vector<std::int64_t> kept_ids(const WordPiece& tokenizer, const std::vector<std::string>& texts) {
  const auto& rules = tokenizer.rules();
  std::set<std::string> wanted{rules.pad_token, rules.unk_token, rules.cls_token, rules.sep_token, rules.mask_token};
  for (const auto& token : rules.added) wanted.insert(token.content);
  for (const auto& text : texts)
    for (auto& piece : tokenizer.tokens(text)) wanted.insert(std::move(piece));
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 0; id < tokenizer.size(); ++id)
    if (wanted.contains(tokenizer.pieces()[std::size_t(id)])) ids.push_back(id);
  return ids;
}

/// Whether the tensor is of a layer beyond the first `layers`.
bool is_beyond(const std::string& name, std::int64_t layers) {
  const std::string prefix = "encoder.layer.";
  return name.starts_with(prefix) && std::stoll(name.substr(prefix.size())) >= layers;
}

}  // namespace

CutEncoder write_cut_encoder(const fs::path& from, const fs::path& out, std::int64_t layers,
                             const std::vector<std::string>& texts) {
  auto config = BertConfig::load(from);
  if (layers < 0 || layers > config.num_hidden_layers)
    throw ConfigError(
        fmt::format("{}: has {} layers, {} were asked for", from.string(), config.num_hidden_layers, layers),
        "0 keeps them all");
  if (fs::exists(out) && fs::equivalent(from, out))
    throw ConfigError(fmt::format("{}: the encoder would replace itself", out.string()), "choose another folder");
  const auto tokenizer = load_tokenizer(from);
  Bert bert(config);
  load_bert_weights(*bert, from);
  if (layers > 0) config.num_hidden_layers = layers;

  const auto ids = kept_ids(tokenizer, texts);
  auto rules = tokenizer.rules();
  std::vector<std::string> pieces;
  for (const auto id : ids) {
    const auto& piece = tokenizer.pieces()[std::size_t(id)];
    const auto place = std::int64_t(pieces.size());
    if (piece == rules.pad_token) config.pad_token_id = place;
    for (auto& token : rules.added)
      if (token.content == piece) token.id = place;
    pieces.push_back(piece);
  }
  config.vocab_size = std::int64_t(ids.size());

  const std::string table = "embeddings.word_embeddings.weight";
  auto arrays = state_of(*bert);
  std::erase_if(arrays, [&](const auto& item) { return is_beyond(item.first, config.num_hidden_layers); });
  arrays.at(table) = io::to_array(io::to_tensor(arrays.at(table)).index_select(0, torch::tensor(ids, torch::kInt64)));

  make_folder(out);
  io::write_safetensors(out / "model.safetensors", arrays, {{"format", "pt"}});
  save_tokenizer(out, WordPiece::from_pieces(std::move(pieces), rules, from));
  write_file(out / "config.json", config.to_json() + "\n");
  return {config.num_hidden_layers, config.vocab_size};
}

}  // namespace kuda
