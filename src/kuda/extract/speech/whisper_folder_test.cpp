// Whisper folders as people have them, and what transformers computes with a small one (tests/data/speech).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/test_speech.h"
#include "kuda/extract/speech/whisper.h"
#include "kuda/extract/speech/whisper_decoding.h"
#include "kuda/extract/speech/whisper_tokens.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::difference;
using test::error_of;
using test::made_sound;
using testing::HasSubstr;
using torch::Tensor;
using Arrays = std::map<std::string, io::Array>;

const fs::path kFolder = test::data_file("speech/whisper");

Tensor answer(const std::string& name) {
  static const auto answers = io::read_safetensors(test::data_file("speech/answers.safetensors"));
  return io::to_tensor(answers.at(name));
}

Tensor mel_of(std::int64_t bins, const Tensor& samples) { return log_mel(samples, mel_filters(bins)); }

HeardWindow heard_by(WhisperImpl& whisper) { return whisper.hear(mel_of(80, made_sound(10 * 16000))); }

/// A copy of the small folder, to be changed.
fs::path copied(const std::string& name) {
  const auto folder = test::scratch_folder(name);
  fs::copy(kFolder, folder);
  return folder;
}

void change_json(const fs::path& path, const std::function<void(json&)>& change) {
  auto content = json::parse(read_file(path));
  change(content);
  write_file(path, content.dump());
}

std::vector<std::int64_t> greedy() {
  const auto ids = answer("greedy");
  return {ids.const_data_ptr<std::int64_t>(), ids.const_data_ptr<std::int64_t>() + ids.numel()};
}

DecodedWindow decode_with(const fs::path& folder) {
  auto whisper = load_whisper(folder);
  const auto tokens = WhisperTokens::load(folder, whisper->config());
  const torch::NoGradGuard no_grad;
  return decode(*whisper, tokens, heard_by(*whisper), "en", 40, folder.string());
}

TEST(LogMel, IsThatOfTransformersWithEightyAndWith128Bins) {
  // Transformers sums in float64 and rounds at the end.
  EXPECT_LT(difference(mel_of(80, made_sound(160000)).squeeze(0).slice(1, 0, {}, 25), answer("mel80")), 2e-6);
  EXPECT_LT(difference(mel_of(128, made_sound(160000)).squeeze(0).slice(1, 0, {}, 25), answer("mel128")), 2e-6);
  const auto padded = torch::constant_pad_nd(made_sound(47999), {0, 160000 - 47999});
  EXPECT_LT(difference(mel_of(80, padded).squeeze(0).slice(1, 0, {}, 25), answer("mel80_short")), 2e-6);
}

TEST(Whisper, EncoderDecoderAndAttentionAreThoseOfTransformers) {
  const torch::NoGradGuard no_grad;
  auto whisper = load_whisper(kFolder);
  const auto mel = mel_of(80, made_sound(160000));
  EXPECT_LT(difference(whisper->encode(mel).squeeze(0).slice(0, 0, {}, 10), answer("states")), 2e-5);
  const std::vector<std::int64_t> ids{21, 22, 26, 30, 3, 7, 1, 12, 16};
  auto at_once = whisper->hear(mel), one_by_one = whisper->hear(mel);
  EXPECT_LT(difference(whisper->next(ids, at_once), answer("logits")[-1]), 5e-5);
  const auto logits = whisper->next({ids.begin(), ids.begin() + 4}, one_by_one);
  EXPECT_LT(difference(logits, answer("logits")[3]), 5e-5) << "no piece may see those behind it";
  std::vector<Tensor> attention;
  for (std::size_t i = 4; i < ids.size(); ++i)
    EXPECT_LT(difference(whisper->next({ids[i]}, one_by_one, &attention), answer("logits")[std::int64_t(i)]), 5e-5);
  EXPECT_LT(difference(torch::stack({attention[0][1], attention[1][0], attention[1][1]}), answer("attention")), 1e-6);
}

TEST(Whisper, TheMostProbablePiecesAreThoseOfTransformers) {
  const auto decoded = decode_with(kFolder);
  auto expected = greedy();
  ASSERT_GE(decoded.ids.size(), 4U);
  ASSERT_LE(decoded.ids.size(), expected.size());
  expected.resize(decoded.ids.size());  // as far as the guard lets it come
  EXPECT_EQ(decoded.ids, expected);
}

TEST(Whisper, TheLanguageIsTheMostProbableOne) {
  const torch::NoGradGuard no_grad;
  auto whisper = load_whisper(kFolder);
  const auto tokens = WhisperTokens::load(kFolder, whisper->config());
  const char* codes[] = {"en", "zh", "de"};
  EXPECT_EQ(hear_language(*whisper, tokens, heard_by(*whisper)), codes[answer("language").argmax().item<int>()]);
}

TEST(WhisperFolder, Float16AndPartsGiveTheSamePieces) {
  const auto file = io::read_safetensors(kFolder / "model.safetensors");
  Arrays parts[2];
  json index;
  std::size_t i = 0;
  for (const auto& [name, array] : file.arrays) {  // half of it float16, which holds these values exactly
    const auto part = i++ % 2;
    parts[part][name] = part == 0 ? io::to_array(io::to_tensor(array).to(torch::kFloat16)) : array;
    index["weight_map"][name] = part == 0 ? "a.safetensors" : "b.safetensors";
  }
  const auto folder = copied("folder");
  fs::remove(folder / "model.safetensors");
  io::write_safetensors(folder / "a.safetensors", parts[0]);
  io::write_safetensors(folder / "b.safetensors", parts[1]);
  write_file(folder / "model.safetensors.index.json", index.dump());
  const auto decoded = decode_with(folder);
  EXPECT_EQ(decoded.ids, decode_with(kFolder).ids);
  EXPECT_EQ(decoded.log_probabilities, decode_with(kFolder).log_probabilities);
  Arrays halves;
  for (const auto& [name, array] : file.arrays) halves[name] = io::to_array(io::to_tensor(array).to(torch::kFloat16));
  fs::remove(folder / "model.safetensors.index.json");
  io::write_safetensors(folder / "model.safetensors", halves);
  EXPECT_EQ(decode_with(folder).log_probabilities, decoded.log_probabilities);
}

TEST(WhisperFolder, OneTokenizerFileSaysWhatTwoSay) {
  const auto folder = copied("folder");
  json tokenizer{{"model", {{"type", "BPE"}, {"vocab", json::parse(read_file(folder / "vocab.json"))}}}};
  const auto added = json::parse(read_file(folder / "added_tokens.json"));
  for (const auto& [content, id] : added.items())
    tokenizer["added_tokens"].push_back({{"id", id}, {"content", content}});
  fs::remove(folder / "vocab.json");
  fs::remove(folder / "added_tokens.json");
  write_file(folder / "tokenizer.json", tokenizer.dump());
  const auto config = WhisperConfig::load(kFolder);
  const auto one = WhisperTokens::load(folder, config), two = WhisperTokens::load(kFolder, config);
  EXPECT_EQ(one.pieces, two.pieces);
  EXPECT_EQ(one.prompt("zh"), (std::vector<std::int64_t>{21, 23, 26, 30}));
  EXPECT_EQ(one.languages.size(), 3U);
  EXPECT_EQ(one.pieces[0], " one");
  EXPECT_EQ(one.pieces[16], "\xE6\x83");
  EXPECT_EQ(one.pieces[18], "\xE4\xBD\xA0\xE5\xA5\xBD");
  EXPECT_EQ(one.pieces[22], "") << "an order is no text";
}

TEST(WhisperFolder, WithoutAGenerationFileTheConfigurationSpeaks) {
  const auto folder = copied("folder");
  fs::remove(folder / "generation_config.json");
  change_json(folder / "config.json", [](json& config) {
    config["suppress_tokens"] = {1, 2};
    config["begin_suppress_tokens"] = nullptr;
  });
  const auto tokens = WhisperTokens::load(folder, WhisperConfig::load(folder));
  EXPECT_EQ(tokens.suppressed, (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(tokens.suppressed_first.empty());
  EXPECT_FALSE(tokens.is_multilingual()) << "51865 pieces and more are multilingual";
  EXPECT_EQ(tokens.prompt("en"), (std::vector<std::int64_t>{21, 30}));
  EXPECT_EQ(tokens.alignment_heads, (std::vector<std::pair<std::size_t, std::int64_t>>{{1, 0}, {1, 1}}));
}

TEST(WhisperFolder, DamagedFoldersAreNamed) {
  const auto said = [](const std::string& file, const std::function<void(json&)>& change) {
    const auto folder = copied("folder");
    change_json(folder / file, change);
    return error_of<Error>([&] { SpeechRecogniser recogniser(folder); });
  };
  EXPECT_THAT(said("config.json", [](json& j) { j["model_type"] = "bert"; }),
              HasSubstr("config.json: model_type: expected \"whisper\", found \"bert\""));
  EXPECT_THAT(said("config.json", [](json& j) { j["d_model"] = -3; }),
              HasSubstr("config.json: d_model: expected a whole number, 0 or more, found -3"));
  EXPECT_THAT(said("config.json", [](json& j) { j["encoder_layers"] = 1000000; }),
              HasSubstr("config.json: encoder_layers: expected a whole number from 1 to 256, found 1000000"));
  EXPECT_THAT(said("config.json", [](json& j) { j["encoder_attention_heads"] = 3; }),
              HasSubstr("encoder_attention_heads: 3 heads do not divide d_model 16"));
  EXPECT_THAT(said("config.json", [](json& j) { j["encoder_layers"] = 3; }), HasSubstr("encoder.layers.2"));
  EXPECT_THAT(said("config.json", [](json& j) { j["vocab_size"] = 30; }), HasSubstr("added_tokens.json: '<|"));
  EXPECT_THAT(said("config.json", [](json& j) { j["decoder_ffn_dim"] = 48; }),
              HasSubstr("decoder.layers.0.fc1.bias: file [32], model [48]"));
  EXPECT_THAT(said("added_tokens.json", [](json& j) { j.erase("<|notimestamps|>"); }),
              HasSubstr("expected the token <|notimestamps|>, which is absent"));
  EXPECT_THAT(said("vocab.json", [](json& j) { j["x"] = "y"; }),
              HasSubstr("vocab.json: 'x': expected an id from 0 to 39"));
  EXPECT_THAT(said("generation_config.json", [](json& j) { j["suppress_tokens"] = {99}; }),
              HasSubstr("generation_config.json: suppress_tokens: expected a list of ids from 0 to 39, found 99"));
  EXPECT_THAT(said("generation_config.json",
                   [](json& j) {
                     j["alignment_heads"] = {{2, 0}};
                   }),
              HasSubstr("alignment_heads: expected a list of [layer, head] below [2, 2], found [2,0]"));
  EXPECT_THAT(said("generation_config.json", [](json& j) { j["eos_token_id"] = 19; }),
              HasSubstr("eos_token_id is 19, and the tokenizer gives <|endoftext|> the id 20"));
  EXPECT_THAT(said("generation_config.json", [](json& j) { j["decoder_start_token_id"] = 20; }),
              HasSubstr("the tokenizer gives <|startoftranscript|> the id 21"));
  EXPECT_THAT(said("added_tokens.json", [](json& j) { j["other"] = 3; }), HasSubstr("have the same id 3"));
  EXPECT_THAT(said("vocab.json",
                   [](json& j) {
                     for (int left = 3; left > 0; --left) j.erase(std::prev(j.end()));
                   }),
              HasSubstr("expected a piece for each id below 20, found none for 3 of them"));
  const auto folder = copied("folder");
  fs::remove(folder / "vocab.json");
  EXPECT_THAT(error_of<CheckpointError>([&] { SpeechRecogniser recogniser(folder); }),
              HasSubstr("neither tokenizer.json nor vocab.json in this folder"));
  fs::remove(folder / "config.json");
  EXPECT_THAT(error_of<CheckpointError>([&] { SpeechRecogniser recogniser(folder); }), HasSubstr("no config.json"));
}

TEST(WhisperFolder, DamagedWeightsAreNamed) {
  const auto folder = copied("folder");
  auto arrays = io::read_safetensors(kFolder / "model.safetensors").arrays;
  const auto said = [&] {
    io::write_safetensors(folder / "model.safetensors", arrays);
    return error_of<CheckpointError>([&] { (void)SpeechRecogniser(folder).transcribe(made_sound(16000), {{0, 1}}); });
  };
  const std::string name = "model.decoder.layers.1.encoder_attn.out_proj.weight";
  const auto weight = arrays.at(name);
  arrays[name] = io::to_array(torch::full({16, 16}, NAN));
  EXPECT_THAT(said(), HasSubstr(folder.string() + ": its weights give no numbers"));
  arrays[name] = io::to_array(torch::zeros({16, 8}));
  EXPECT_THAT(said(), HasSubstr("decoder.layers.1.encoder_attn.out_proj.weight: file [16, 8], model [16, 16]"));
  arrays.erase(name);
  EXPECT_THAT(said(), HasSubstr("decoder.layers.1.encoder_attn.out_proj.weight [16, 16]: missing from the file"));
  fs::remove(folder / "model.safetensors");
  EXPECT_THAT(error_of<DataError>([&] { SpeechRecogniser recogniser(folder); }),
              HasSubstr("neither model.safetensors"));
}

TEST(WhisperFolder, AnUnknownLanguageIsNamed) {
  EXPECT_THAT(error_of<ConfigError>([] { SpeechRecogniser recogniser(kFolder, {.language = "fr"}); }),
              HasSubstr("does not know the language 'fr'"));
  const auto folder = copied("folder");
  change_json(folder / "generation_config.json", [](json& j) { j["is_multilingual"] = false; });
  EXPECT_THAT(error_of<ConfigError>([&] { SpeechRecogniser recogniser(folder, {.language = "zh"}); }),
              HasSubstr("'zh'"));
  EXPECT_EQ(SpeechRecogniser(folder).transcribe(made_sound(16000), {{0, 1}}).language, "en");
}

/// What holds for any model: words inside the parts and in order, and the text made of them.
void expect_sound(const Transcript& transcript, const std::vector<SpeechPart>& parts) {
  double before = 0;
  for (const auto& word : transcript.words) {
    EXPECT_GE(word.begin, before);
    EXPECT_GE(word.end, word.begin);
    const auto inside = [&](double time) {
      return std::any_of(parts.begin(), parts.end(),
                         [&](const auto& part) { return time >= part.begin - 1e-9 && time <= part.end + 1e-9; });
    };
    EXPECT_TRUE(inside(word.begin) && inside(word.end)) << word.text << " " << word.begin << " " << word.end;
    EXPECT_TRUE(word.probability > 0 && word.probability <= 1);
    before = word.end;
  }
}

TEST(SpeechRecogniser, ARandomModelGoesTheWholeWayAndIsCutWhereItRepeats) {
  const std::vector<SpeechPart> parts{{0.5, 3}, {4, 7.5}, {12, 15}, {15.2, 29}};
  for (const std::string language : {"", "en", "zh"}) {
    const SpeechRecogniser recogniser(kFolder, {.language = language});
    const auto transcript = recogniser.transcribe(made_sound(30 * 16000), parts);
    EXPECT_FALSE(transcript.words.empty());
    EXPECT_FALSE(transcript.text.empty());
    EXPECT_TRUE(transcript.repeated);
    EXPECT_LT(transcript.average_log_probability, 0);
    if (!language.empty()) EXPECT_EQ(transcript.language, language);
    expect_sound(transcript, parts);
    EXPECT_EQ(recogniser.transcribe(made_sound(30 * 16000), parts).text, transcript.text);
  }
}

TEST(SpeechRecogniser, SaysNothingWhereNobodySpeaks) {
  const SpeechRecogniser recogniser(kFolder, {.language = "en"});
  const auto silent = recogniser.transcribe(made_sound(16000), {});
  EXPECT_EQ(silent.text, "");
  EXPECT_TRUE(silent.words.empty());
  EXPECT_EQ(recogniser.transcribe(torch::zeros({0}), {{0, 1}}).text, "") << "a part outside the sound";
  EXPECT_THAT(error_of<ShapeError>([&] {
                (void)recogniser.transcribe(torch::zeros({1, 9}), {});
              }),
              HasSubstr("[S] float32"));
}

}  // namespace
}  // namespace kuda
