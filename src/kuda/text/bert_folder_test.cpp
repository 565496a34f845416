// Encoder folders as people have them: the weights in any of the usual forms, the configuration with nulls.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/text/bert.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::CaughtLog;
using test::error_of;
using test::scratch_folder;
using testing::HasSubstr;
using Arrays = std::map<std::string, io::Array>;

BertConfig tiny() {
  BertConfig config;
  config.vocab_size = 12;
  config.hidden_size = 8;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 16;
  config.max_position_embeddings = 16;
  return config;
}

const Bert& original() {
  static const Bert bert = [] {
    torch::manual_seed(3);
    return Bert(tiny());
  }();
  return bert;
}

/// The encoder's tensors, each name after `prefix`.
Arrays named(const std::string& prefix) {
  Arrays arrays;
  for (auto& [name, array] : state_of(*original())) arrays[prefix + name] = array;
  return arrays;
}

void expect_original(const fs::path& folder) {
  torch::manual_seed(4);
  Bert loaded(tiny());
  load_bert_weights(*loaded, folder);
  for (const auto& item : original()->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), loaded->named_parameters()[item.key()])) << item.key();
}

TEST(BertFolder, AnyPrefixOfAWrapperIsFound) {
  for (const std::string prefix : {"", "bert.", "module.bert.", "_orig_mod.module.", "model.text_model.bert."}) {
    const auto folder = scratch_folder("weights");
    io::write_safetensors(folder / "model.safetensors", named(prefix));
    expect_original(folder);
  }
}

TEST(BertFolder, AHeadBesideTheEncoderIsLeftOutAndNamed) {
  for (const std::string prefix : {"bert.", ""}) {
    const auto folder = scratch_folder("weights");
    auto arrays = named(prefix);
    arrays["classifier.weight"] = arrays.begin()->second;
    arrays["classifier.bias"] = arrays.begin()->second;
    io::write_safetensors(folder / "model.safetensors", arrays);
    const CaughtLog log;
    expect_original(folder);
    EXPECT_THAT(log.text(), HasSubstr("2 tensors beside the encoder are left out: classifier.bias, classifier.weight"));
  }
}

TEST(BertFolder, AMissingTensorOfTheEncoderIsStillAnError) {
  const auto folder = scratch_folder("weights");
  auto arrays = named("bert.");
  arrays.erase("bert.encoder.layer.1.output.dense.weight");
  io::write_safetensors(folder / "model.safetensors", arrays);
  EXPECT_THAT(error_of<DataError>([&] { expect_original(folder); }), HasSubstr("encoder.layer.1.output.dense.weight"));
}

TEST(BertFolder, WeightsInPartsAreReadByTheirIndex) {
  const auto folder = scratch_folder("weights");
  Arrays parts[2];
  json index;
  std::size_t i = 0;
  for (const auto& [name, array] : named("")) {
    const auto part = i++ % 2;
    parts[part][name] = array;
    index["weight_map"][name] = part == 0 ? "a.safetensors" : "b.safetensors";
  }
  io::write_safetensors(folder / "a.safetensors", parts[0]);
  io::write_safetensors(folder / "b.safetensors", parts[1]);
  const auto write_index = [&] { write_file(folder / "model.safetensors.index.json", index.dump()); };
  write_index();
  expect_original(folder);
  index["weight_map"]["more"] = "a.safetensors";
  write_index();
  EXPECT_THAT(error_of<DataError>([&] { expect_original(folder); }),
              HasSubstr("the tensor more is not in \"a.safetensors\""));
  index["weight_map"]["more"] = "c.safetensors";
  write_index();
  EXPECT_THAT(error_of<DataError>([&] { expect_original(folder); }),
              HasSubstr("the part c.safetensors is not in this folder"));
  index["weight_map"]["more"] = "../a.safetensors";
  write_index();
  EXPECT_THAT(error_of<DataError>([&] { expect_original(folder); }), HasSubstr("expected a file of this folder"));
}

TEST(BertFolder, NullIsTheDefaultAndGooglesNameIsRead) {
  auto json = nlohmann::json::parse(tiny().to_json());
  for (const char* key : {"pad_token_id", "model_type", "hidden_act", "position_embedding_type", "layer_norm_eps"})
    json[key] = nullptr;
  const auto folder = scratch_folder("config");
  write_file(folder / "bert_config.json", json.dump());
  const auto config = BertConfig::load(folder);
  EXPECT_EQ(config.pad_token_id, 0);
  EXPECT_EQ(config.hidden_size, 8);
}

TEST(BertFolder, KeysThatChangeTheComputationAreRefused) {
  const std::pair<const char*, nlohmann::json> cases[] = {
      {"is_decoder", true},       {"add_cross_attention", true},  {"position_embedding_type", "relative_key"},
      {"hidden_act", "gelu_new"}, {"pruned_heads", {{"0", {1}}}}, {"model_type", "roberta"}};
  for (const auto& [key, value] : cases) {
    auto json = nlohmann::json::parse(tiny().to_json());
    json[key] = value;
    EXPECT_THAT(error_of<DataError>([&] { (void)BertConfig::parse(json.dump(), "config.json"); }),
                HasSubstr(std::string("config.json: ") + key + ": expected "))
        << key;
  }
  EXPECT_THAT(error_of<DataError>([] { (void)BertConfig::parse(R"({"model_type": "roberta"})", "config.json"); }),
              HasSubstr("hfl/chinese-roberta-wwm-ext"))
      << "which folders are read";
}

}  // namespace
}  // namespace kuda
