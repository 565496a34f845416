#include "kuda/extract/speech/whisper_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/json_place.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;  // not ordered_json, which looks through 50,000 keys one by one

/// Contents of ids, as the files of a folder give them one after another.
class Vocabulary {
 public:
  explicit Vocabulary(std::int64_t size) : contents_(std::size_t(size)), is_known_(std::size_t(size), char(false)) {}

  void add(const fs::path& path, const std::string& content, const Json& id) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() >= std::int64_t(contents_.size()))
      throw DataError(fmt::format("{}: '{}': expected an id from 0 to {} (vocab_size of config.json), found {}",
                                  path.string(), content, contents_.size() - 1, id.dump().substr(0, 60)),
                      "the tokenizer belongs to another model than config.json");
    auto& there = contents_[id.get<std::size_t>()];
    auto& is_known = is_known_[id.get<std::size_t>()];
    if (is_known != char(false) && there != content)
      throw DataError(fmt::format("{}: '{}' and '{}' have the same id {}", path.string(), there, content, id.dump()),
                      "the files of the tokenizer belong to two models");
    there = content;
    is_known = char(true);
    path_ = path;
  }
  /// {content: id}
  void add_all(const fs::path& path, const Json& map) {
    if (!map.is_object()) throw DataError(path.string() + ": expected an object of pieces and their ids");
    for (const auto& [content, id] : map.items()) add(path, content, id);
  }
  [[nodiscard]] const std::vector<std::string>& contents() const { return contents_; }
  /// Time stamps may be left out; of the pieces of text hardly one (multilingual models have an empty one).
  void require_text_pieces(std::int64_t end) const {
    const auto text = std::span(is_known_).first(std::size_t(end));
    const auto missing = std::ranges::count(text, char(false));
    if (100 * missing > end)
      throw DataError(
          fmt::format("{}: expected a piece for each id below {}, found none for {} of them, the first is {}",
                      path_.string(), end, missing, std::ranges::find(text, char(false)) - text.begin()),
          "the tokenizer is damaged, or belongs to another model than config.json");
  }
  [[nodiscard]] std::int64_t id_of(const std::string& content) const {
    const auto found = std::find(contents_.begin(), contents_.end(), content);
    if (found == contents_.end())
      throw DataError(fmt::format("{}: expected the token {}, which is absent", path_.string(), content),
                      "a folder of Whisper needs its added tokens: in tokenizer.json, or in added_tokens.json beside "
                      "vocab.json");
    return found - contents_.begin();
  }

 private:
  std::vector<std::string> contents_;
  std::vector<char> is_known_;
  fs::path path_;
};

/// An empty object where there is no such file.
Json read_json(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  auto json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw FormatError(path.string() + ": not a JSON object");
  return json;
}

Json part_of(const Json& json, const char* key) { return json.is_object() && json.contains(key) ? json[key] : Json(); }

Vocabulary read_vocabulary(const fs::path& folder, std::int64_t size) {
  Vocabulary vocabulary(size);
  const auto add_token = [&](const fs::path& path, const Json& token, const Json& id) {
    const auto content = part_of(token, "content");
    if (!content.is_string()) throw DataError(path.string() + ": an added token without content");
    vocabulary.add(path, content.get<std::string>(), id);
  };
  if (const auto path = folder / "tokenizer.json"; fs::exists(path)) {
    const auto json = read_json(path);
    vocabulary.add_all(path, part_of(part_of(json, "model"), "vocab"));
    for (const auto& token : part_of(json, "added_tokens")) add_token(path, token, part_of(token, "id"));
  } else if (fs::exists(folder / "vocab.json")) {
    vocabulary.add_all(folder / "vocab.json", read_json(folder / "vocab.json"));
  } else {
    throw CheckpointError(folder.string() + ": neither tokenizer.json nor vocab.json in this folder",
                          "a speech recogniser is a Whisper folder in Hugging Face layout");
  }
  vocabulary.add_all(folder / "added_tokens.json", read_json(folder / "added_tokens.json"));
  const auto path = folder / "tokenizer_config.json";
  const auto decoder = part_of(read_json(path), "added_tokens_decoder");
  for (const auto& [id, token] : decoder.items()) {
    if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos)
      throw DataError(fmt::format("{}: added_tokens_decoder: expected ids, found '{}'", path.string(), id));
    add_token(path, token, std::stoll(id));
  }
  return vocabulary;
}

bool is_order(const std::string& content) { return content.starts_with("<|") && content.ends_with("|>"); }

/// <|en|>, <|yue|>
bool is_language(const std::string& content) {
  return is_order(content) && (content.size() == 6 || content.size() == 7) &&
         std::all_of(content.begin() + 2, content.end() - 2, [](char c) { return c >= 'a' && c <= 'z'; });
}

/// generation_config.json, or config.json of a folder from before there was one.
class Generation {
 public:
  Generation(const fs::path& folder, const WhisperConfig& config) : config_(config) {
    path_ = folder / "generation_config.json";
    if (!fs::exists(path_)) path_ = folder / "config.json";
    json_ = nlohmann::ordered_json::parse(read_file(path_), nullptr, /*allow_exceptions=*/false);
    if (!json_.is_object()) throw FormatError(path_.string() + ": not a JSON object");
  }

  [[nodiscard]] bool is_multilingual() const {
    constexpr std::int64_t kSmallestMultilingual = 51865;
    return has("is_multilingual") ? root().at("is_multilingual").flag() : config_.vocab_size >= kSmallestMultilingual;
  }
  [[nodiscard]] std::vector<std::int64_t> ids(const char* key) const {
    std::vector<std::int64_t> ids;
    if (!has(key)) return ids;
    const auto expected = fmt::format("a list of ids from 0 to {}", config_.vocab_size - 1);
    if (!json_[key].is_array()) root().at(key).expected(expected);
    for (const auto& id : json_[key]) {
      if (!is_below(id, config_.vocab_size)) JsonPlace(id, path_.string() + ": " + key).expected(expected);
      ids.push_back(id.get<std::int64_t>());
    }
    return ids;
  }
  /// Where the file says which id a token has.
  void require_id(const char* key, std::int64_t id, const char* token) const {
    if (!has(key) || !json_[key].is_number_integer() || json_[key].get<std::int64_t>() == id) return;
    throw DataError(fmt::format("{}: {} is {}, and the tokenizer gives {} the id {}", path_.string(), key,
                                json_[key].dump(), token, id),
                    "the tokenizer belongs to another model");
  }
  /// [[layer, head], ...]; where none are named, all of the upper half of the layers, as the published code has it.
  [[nodiscard]] std::vector<std::pair<std::size_t, std::int64_t>> alignment_heads() const {
    constexpr const char* kKey = "alignment_heads";
    std::vector<std::pair<std::size_t, std::int64_t>> heads;
    if (!has(kKey)) {
      for (auto layer = config_.decoder_layers / 2; layer < config_.decoder_layers; ++layer)
        for (std::int64_t head = 0; head < config_.decoder_attention_heads; ++head)
          heads.emplace_back(std::size_t(layer), head);
      return heads;
    }
    const auto expected =
        fmt::format("a list of [layer, head] below [{}, {}]", config_.decoder_layers, config_.decoder_attention_heads);
    if (!json_[kKey].is_array() || json_[kKey].empty()) root().at(kKey).expected(expected);
    for (const auto& pair : json_[kKey]) {
      if (!pair.is_array() || pair.size() != 2 || !is_below(pair[0], config_.decoder_layers) ||
          !is_below(pair[1], config_.decoder_attention_heads))
        throw DataError(
            fmt::format("{}: {}: expected {}, found {}", path_.string(), kKey, expected, pair.dump().substr(0, 60)));
      heads.emplace_back(pair[0].get<std::size_t>(), pair[1].get<std::int64_t>());
    }
    return heads;
  }

 private:
  [[nodiscard]] JsonPlace root() const { return {json_, path_.string()}; }
  [[nodiscard]] bool has(const char* key) const { return json_.contains(key) && !json_[key].is_null(); }
  static bool is_below(const nlohmann::ordered_json& value, std::int64_t bound) {
    return value.is_number_integer() && value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() < bound;
  }
  const WhisperConfig& config_;
  fs::path path_;
  nlohmann::ordered_json json_;
};

}  // namespace

std::string bytes_of_piece(const std::string& piece) {
  // Bytes that print stand for themselves; the others, in order, for the letters from 256 on.
  static const auto byte_of = [] {
    std::map<char32_t, char> bytes;
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      bytes[prints ? char32_t(byte) : next++] = char(byte);
    }
    return bytes;
  }();
  std::string bytes;
  for (const auto letter : decode_utf8(piece)) {
    const auto found = byte_of.find(letter);
    if (found == byte_of.end())
      append_utf8(bytes, letter);
    else
      bytes += found->second;
  }
  return bytes;
}

WhisperTokens WhisperTokens::load(const fs::path& folder, const WhisperConfig& config) {
  const auto vocabulary = read_vocabulary(folder, config.vocab_size);
  const Generation generation(folder, config);
  WhisperTokens tokens;
  for (const auto& content : vocabulary.contents())
    tokens.pieces.push_back(is_order(content) ? "" : bytes_of_piece(content));
  tokens.end = vocabulary.id_of("<|endoftext|>");
  vocabulary.require_text_pieces(tokens.end);
  tokens.start = vocabulary.id_of("<|startoftranscript|>");
  generation.require_id("eos_token_id", tokens.end, "<|endoftext|>");
  generation.require_id("decoder_start_token_id", tokens.start, "<|startoftranscript|>");
  tokens.no_timestamps = vocabulary.id_of("<|notimestamps|>");
  if (generation.is_multilingual()) {
    tokens.transcribe = vocabulary.id_of("<|transcribe|>");
    for (std::size_t id = 0; id < vocabulary.contents().size(); ++id)
      if (const auto& content = vocabulary.contents()[id]; is_language(content))
        tokens.languages[content.substr(2, content.size() - 4)] = std::int64_t(id);
    if (tokens.languages.empty()) (void)vocabulary.id_of("<|en|>");
  }
  tokens.suppressed = generation.ids("suppress_tokens");
  tokens.suppressed_first = generation.ids("begin_suppress_tokens");
  tokens.alignment_heads = generation.alignment_heads();
  return tokens;
}

std::vector<std::int64_t> WhisperTokens::prompt(const std::string& language) const {
  if (!is_multilingual()) return {start, no_timestamps};
  return {start, languages.at(language), transcribe, no_timestamps};
}

}  // namespace kuda
