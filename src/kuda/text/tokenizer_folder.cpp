#include "kuda/text/tokenizer_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/text/id_gap.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kHint = "a text encoder is a BERT folder in Hugging Face layout";

/// A JSON object with the path of what it is, for messages.
struct Place {
  std::string path;
  Json json;
  [[nodiscard]] bool has(const char* key) const { return json.contains(key) && !json[key].is_null(); }
  [[nodiscard]] Place at(const char* key) const {
    if (!has(key)) return {path + ": " + key, Json::object()};
    if (!json[key].is_object()) wrong(key, "an object");
    return {path + ": " + key, json[key]};
  }
  void read(const char* key, bool& value) const {
    if (!has(key)) return;
    if (!json[key].is_boolean()) wrong(key, "true or false");
    value = json[key].get<bool>();
  }
  void read(const char* key, std::optional<bool>& value) const {
    bool given = false;
    read(key, given);
    if (has(key)) value = given;
  }
  void read(const char* key, std::string& value) const {
    if (!has(key)) return;
    if (!json[key].is_string()) wrong(key, "a text");
    value = json[key].get<std::string>();
  }
  /// Throws DataError unless the text at `key` is `expected`; nothing there is fine.
  void expect(const char* key, const std::string& expected) const {
    std::string found = expected;
    read(key, found);
    if (found != expected)
      throw DataError(fmt::format("{}: {}: expected \"{}\", found \"{}\"", path, key, expected, found), kHint);
  }
  [[noreturn]] void wrong(const char* key, const char* expected) const {
    throw DataError(fmt::format("{}: {}: expected {}, found {}", path, key, expected, json[key].dump().substr(0, 60)),
                    kHint);
  }
};

/// An empty object where there is no such file.
Place read_json(const fs::path& path) {
  if (!fs::exists(path)) return {path.string(), Json::object()};
  auto json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw FormatError(path.string() + ": not a JSON object");
  return {path.string(), std::move(json)};
}

/// A token is a text, or an object with its content.
std::string content_of(const Place& place, const char* key) {
  if (place.json[key].is_string()) return place.json[key].get<std::string>();
  std::string content;
  place.at(key).read("content", content);
  if (content.empty()) place.wrong(key, "a token");
  return content;
}

AddedToken& token_of(TokenizerRules& rules, const std::string& content, std::int64_t id) {
  for (auto& token : rules.added)
    if (token.content == content) {
      token.id = id;
      return token;
    }
  return rules.added.emplace_back(AddedToken{content, id, true, false});
}

std::int64_t id_of(const Place& place, const Json& value) {
  if (!value.is_number_integer())
    throw DataError(fmt::format("{}: expected a whole number, found {}", place.path, value.dump().substr(0, 60)));
  return value.get<std::int64_t>();
}

void read_added(TokenizerRules& rules, const Place& entry, std::int64_t id) {
  std::string content;
  entry.read("content", content);
  auto& token = token_of(rules, content, id);
  entry.read("normalized", token.normalized);
  entry.read("single_word", token.single_word);
}

/// A vocab.txt does not say how text becomes words: other classes with such a file do it otherwise (MeCab of the
/// Japanese BERTs), and the pieces would be wrong without a word.
void refuse_other_class(const Place& config) {
  std::string name = "BertTokenizer";
  config.read("tokenizer_class", name);
  static const std::set<std::string> kSame{"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer",
                                           "TokenizersBackend", "PreTrainedTokenizer"};
  const std::string plain = name.ends_with("Fast") ? name.substr(0, name.size() - 4) : name;
  if (!kSame.contains(plain))
    throw DataError(fmt::format("{}: tokenizer_class: expected BertTokenizer, found {}", config.path, name),
                    "it makes other words of a text than BERT's tokenizer does; take an encoder with BertTokenizer");
}

/// Names of special tokens, and the options of the words.
void read_options(TokenizerRules& rules, const Place& place) {
  place.read("do_lower_case", rules.do_lower_case);
  place.read("strip_accents", rules.strip_accents);
  place.read("tokenize_chinese_chars", rules.tokenize_chinese_chars);
  const std::pair<const char*, std::string*> names[] = {{"pad_token", &rules.pad_token},
                                                        {"unk_token", &rules.unk_token},
                                                        {"cls_token", &rules.cls_token},
                                                        {"sep_token", &rules.sep_token},
                                                        {"mask_token", &rules.mask_token}};
  for (const auto& [key, name] : names)
    if (place.has(key)) *name = content_of(place, key);
  if (place.has("never_split")) {
    if (!place.json["never_split"].is_array()) place.wrong("never_split", "a list of words");
    rules.never_split.clear();
    for (const auto& word : place.json["never_split"]) {
      if (!word.is_string()) place.wrong("never_split", "a list of words");
      rules.never_split.push_back(word.get<std::string>());
    }
  }
  const auto decoder = place.at("added_tokens_decoder");
  for (const auto& [id, entry] : decoder.json.items()) {
    const auto key = decoder.path + ": " + id;
    if (!entry.is_object() || id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos)
      throw DataError(key + ": expected an id with the token's object", kHint);
    read_added(rules, {key, entry}, std::stoll(id));
  }
}

/// Tokens that are special beside the five: one that is not in the vocabulary gets the next id, as transformers has it.
void read_additional(TokenizerRules& rules, const Place& place, const std::vector<std::string>& pieces) {
  if (!place.has("additional_special_tokens")) return;
  if (!place.json["additional_special_tokens"].is_array()) place.wrong("additional_special_tokens", "a list of tokens");
  for (const auto& entry : place.json["additional_special_tokens"]) {
    const auto content = content_of({place.path, {{"additional_special_tokens", entry}}}, "additional_special_tokens");
    const auto known = std::find_if(rules.added.begin(), rules.added.end(),
                                    [&](const AddedToken& token) { return token.content == content; });
    if (known != rules.added.end()) {
      known->normalized = false;
      continue;
    }
    auto id = static_cast<std::int64_t>(pieces.size());
    for (const auto& token : rules.added) id = std::max(id, token.id + 1);
    if (const auto found = std::find(pieces.begin(), pieces.end(), content); found != pieces.end())
      id = found - pieces.begin();
    token_of(rules, content, id).normalized = false;
  }
}

/// tokenizer.json as the tokenizers library writes it.
std::vector<std::string> read_tokenizer_json(const Place& file, TokenizerRules& rules) {
  for (const char* part : {"model", "normalizer", "pre_tokenizer"})
    if (!file.has(part))
      throw DataError(fmt::format("{}: {}: expected an object, found nothing", file.path, part), kHint);
  const auto model = file.at("model"), normaliser = file.at("normalizer"), splitter = file.at("pre_tokenizer");
  model.expect("type", "WordPiece");
  model.expect("continuing_subword_prefix", "##");
  normaliser.expect("type", "BertNormalizer");
  splitter.expect("type", "BertPreTokenizer");
  model.read("unk_token", rules.unk_token);
  if (model.has("max_input_chars_per_word"))
    rules.longest_word = static_cast<std::size_t>(
        std::clamp<std::int64_t>(id_of(model, model.json["max_input_chars_per_word"]), 0, 1'000'000));
  normaliser.read("lowercase", rules.do_lower_case);
  normaliser.read("handle_chinese_chars", rules.tokenize_chinese_chars);
  normaliser.read("strip_accents", rules.strip_accents);
  if (file.has("added_tokens")) {
    if (!file.json["added_tokens"].is_array()) file.wrong("added_tokens", "a list");
    for (const auto& entry : file.json["added_tokens"]) {
      const Place place{file.path + ": added_tokens", entry};
      if (!entry.is_object() || !entry.contains("id")) file.wrong("added_tokens", "a list of tokens");
      read_added(rules, place, id_of(place, entry["id"]));
    }
  }
  const auto vocabulary = model.at("vocab");
  if (vocabulary.json.empty()) throw DataError(vocabulary.path + ": the vocabulary is empty", kHint);
  std::vector<std::string> pieces(vocabulary.json.size());
  for (const auto& [piece, id] : vocabulary.json.items()) {
    const auto at = id_of(vocabulary, id);
    if (!is_near_vocabulary(at, vocabulary.json.size()))
      throw DataError(fmt::format("{}: the id {} of '{}' lies far beyond the {} pieces", vocabulary.path, at, piece,
                                  vocabulary.json.size()),
                      kHint);
    const auto place = static_cast<std::size_t>(at);
    if (place >= pieces.size()) pieces.resize(place + 1);
    pieces[place] = piece;
  }
  return pieces;
}

}  // namespace

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") || fs::exists(folder / "vocab.txt");
}

WordPiece load_tokenizer(const fs::path& folder) {
  if (!has_tokenizer(folder))
    throw DataError(folder.string() + ": neither tokenizer.json nor vocab.txt in this folder", kHint);
  TokenizerRules rules;
  const auto json = read_json(folder / "tokenizer.json");
  const auto source = folder / (json.json.empty() ? "vocab.txt" : "tokenizer.json");
  auto pieces = json.json.empty() ? read_vocabulary(source) : read_tokenizer_json(json, rules);
  const auto config = read_json(folder / "tokenizer_config.json"),
             special = read_json(folder / "special_tokens_map.json");
  if (json.json.empty()) refuse_other_class(config);
  read_options(rules, config);
  read_options(rules, special);
  const auto added = read_json(folder / "added_tokens.json");
  for (const auto& [content, id] : added.json.items()) (void)token_of(rules, content, id_of(added, id));
  for (const auto* place : {&config, &special}) read_additional(rules, *place, pieces);
  for (const auto* name : {&rules.pad_token, &rules.unk_token, &rules.cls_token, &rules.sep_token, &rules.mask_token})
    for (auto& token : rules.added)
      if (token.content == *name) token.normalized = false;
  return WordPiece::from_pieces(std::move(pieces), rules, source);
}

void save_tokenizer(const fs::path& folder, const WordPiece& tokenizer) {
  const auto& rules = tokenizer.rules();
  std::string vocabulary;
  for (const auto& piece : tokenizer.pieces()) {
    if (piece.find_first_of("\r\n") != std::string::npos)
      throw DataError(fmt::format("{}: a piece of the vocabulary holds a line end", tokenizer.path().string()));
    vocabulary += piece + "\n";
  }
  nlohmann::ordered_json config{{"tokenizer_class", "BertTokenizer"},
                                {"do_lower_case", rules.do_lower_case},
                                {"strip_accents", nullptr},
                                {"tokenize_chinese_chars", rules.tokenize_chinese_chars}};
  if (rules.strip_accents) config["strip_accents"] = *rules.strip_accents;
  if (!rules.never_split.empty()) config["never_split"] = rules.never_split;
  config["pad_token"] = rules.pad_token;
  config["unk_token"] = rules.unk_token;
  config["cls_token"] = rules.cls_token;
  config["sep_token"] = rules.sep_token;
  config["mask_token"] = rules.mask_token;
  for (const auto& token : rules.added)
    config["added_tokens_decoder"][std::to_string(token.id)] = {
        {"content", token.content},         {"lstrip", false},
        {"normalized", token.normalized},   {"rstrip", false},
        {"single_word", token.single_word}, {"special", !token.normalized}};
  write_file(folder / "vocab.txt", vocabulary);
  write_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace kuda
