#include "kuda/runs/published_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/torch_zip.h"
#include "kuda/runs/session.h"
#include "kuda/runs/test_small_run.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace test;
using test::error_of;
using test::scratch;
using testing::AllOf;
using testing::HasSubstr;
using Arrays = std::map<std::string, io::Array>;

/// One finished run with stage 1, and its weights as published code has them.
class Published : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    torch::set_num_threads(1);
    set_log_sink([](LogLevel, const std::string&) {});
    folder = test::process_folder() / "published";
    write_inputs(folder);
    run(small_config(folder, {"train.epochs=1"}), folder / "run");
    (void)export_published(load_checkpoint(folder / "run"), folder / "run.pth");
  }
  static Arrays weights() { return read_published(folder / "run.pth").arrays; }
  static fs::path written(const Arrays& arrays) {
    const auto path = scratch("state.pth");
    io::write_torch_zip(path, arrays);
    return path;
  }
  /// The run's data and encoder for another model.
  static RunConfig config_of(const std::string& model, std::vector<std::string> sets = {}) {
    sets.push_back("model=" + model);
    auto config = RunConfig::load({}, {"", sets});
    config.data = (folder / "clips").string();
    config.encoder = (folder / "encoder").string();
    return config;
  }
  static std::shared_ptr<Model> model_of(const RunConfig& config) {
    const Session session(config, config.data, config.collate);
    return find_model(config.model).make(*config.model_config, session.shape(), session.text());
  }
  /// The error of reading `arrays` as weights of this configuration.
  static std::string refusal(const Arrays& arrays, RunConfig config, const std::string& task = kMainTask) {
    return error_of<CheckpointError>([&] { (void)import_published(written(arrays), scratch("out"), config, task); });
  }
  static void expect_same_model(const fs::path& left, const fs::path& right) {
    const auto one = load_checkpoint(left), two = load_checkpoint(right);
    const auto parameters = two.model->named_parameters();
    for (const auto& item : one.model->named_parameters())
      EXPECT_TRUE(torch::equal(item.value(), parameters[item.key()])) << item.key();
    EXPECT_EQ(one.facts.shape.length.vision, two.facts.shape.length.vision);
    EXPECT_EQ(one.facts.shape.length.audio, two.facts.shape.length.audio);
    EXPECT_EQ(one.facts.shape.length.text, two.facts.shape.length.text);
  }
  static fs::path folder;
};
fs::path Published::folder;

TEST_F(Published, WeightsWithoutTrustHeadsAreNoSelectingModel) {
  EXPECT_THAT(refusal(weights(), small_config(folder, {"profile=selecting"})),
              AllOf(HasSubstr("score_scale"), HasSubstr("no published dictionary holds"), HasSubstr("--like")));
}

TEST_F(Published, WeightsThatGoOutComeBackAsTheSameModel) {
  auto config = small_config(folder);
  const auto result = import_published(folder / "run.pth", scratch("new"), config);
  EXPECT_EQ(result.folder, scratch("new"));
  EXPECT_EQ(result.num_tensors, weights().size());
  expect_same_model(folder / "run", scratch("new"));
  const auto facts = load_checkpoint(scratch("new")).facts;
  EXPECT_EQ(facts.select, "published");
  EXPECT_EQ(facts.data_fingerprint, "") << "the file does not say what it was trained on";

  (void)export_published(load_checkpoint(folder / "run"), scratch("run.safetensors"), {"Model.", ""});
  (void)import_published(scratch("run.safetensors"), scratch("like"), load_checkpoint(folder / "run"));
  expect_same_model(folder / "run", scratch("like"));
}

TEST_F(Published, WeightsThatAreNotFiniteOrNotThereAreRefused) {
  auto arrays = weights();
  const auto name = std::find_if(arrays.begin(), arrays.end(), [](const auto& entry) {
                      return entry.first.starts_with("CLS.") && entry.second.shape.size() == 1;
                    })->first;
  const auto count = arrays.at(name).shape[0];
  arrays[name] = io::make_array({count}, std::vector<float>(std::size_t(count), NAN));
  EXPECT_THAT(refusal(arrays, small_config(folder)), HasSubstr(name + " holds NaN or infinity"));
  auto config = small_config(folder);
  EXPECT_THAT(error_of<FormatError>([&] { (void)import_published(written({}), scratch("out"), config); }),
              HasSubstr("holds no tensors"));
}

TEST_F(Published, LengthsComeFromTheWeights) {
  auto config = small_config(folder, {"data.text_length=20", "data.vision_length=7", "data.audio_length=15"});
  (void)import_published(folder / "run.pth", scratch("new"), config);
  expect_same_model(folder / "run", scratch("new"));
}

TEST_F(Published, DifferencesAreNamedWithBothShapes) {
  auto arrays = weights();
  const std::string proj = "UniEncKI.enc_v.encoder.tfencoder.pos_encoder.proj.weight";
  arrays["CLS.stranger"] = io::make_array({2}, std::vector<float>(2));
  arrays.erase("CLS.cls_layer.0.bias");
  arrays[proj] = io::make_array({16, 35}, std::vector<float>(16 * 35));
  EXPECT_THAT(refusal(arrays, small_config(folder)),
              AllOf(HasSubstr("state.pth: does not fit the model (3 differences)"),
                    HasSubstr("CLS.stranger [2]: not in the model"), HasSubstr(proj + ": file [16, 35], model [16, 5]"),
                    HasSubstr("CLS.cls_layer.0.bias [64]: missing from the file")));
  EXPECT_THAT(refusal(weights(), small_config(folder, {"kuda.width=32"})),
              AllOf(HasSubstr("file [16"), HasSubstr("model [32")));
}

TEST_F(Published, NamesOfAnotherModelOrTaskAreTold) {
  EXPECT_THAT(refusal(weights(), config_of("self_mm")),
              AllOf(HasSubstr("0 of its"), HasSubstr("model 'self_mm'"), HasSubstr("its names are those of 'kuda'")));
  const auto stage1 = read_published(folder / "run/pretrain/audio/model/model.safetensors").arrays;
  EXPECT_THAT(refusal(stage1, small_config(folder)), HasSubstr("stage 1 of 'kuda': --task text or vision or audio"));
  EXPECT_THAT(refusal(weights(), small_config(folder), "audio"), HasSubstr("leave --task out"));
  EXPECT_THAT(refusal(weights(), small_config(folder), "sound"),
              AllOf(HasSubstr("no task 'sound'"), HasSubstr("text, vision, audio")));
}

TEST_F(Published, StageOneIsFoundAsPretrained) {
  for (const std::string task : {"text", "vision", "audio"}) {
    const auto checkpoint = load_checkpoint(folder / "run/pretrain" / task);
    (void)export_published(checkpoint, scratch(task + ".pth"));
    auto config = small_config(folder);
    const auto result = import_published(scratch(task + ".pth"), scratch("stage1"), config, task);
    EXPECT_EQ(result.folder, scratch("stage1") / task / "model");
    expect_same_model(folder / "run/pretrain" / task, result.folder);
  }
  run(small_config(folder, {"train.epochs=1", "pretrained=" + scratch("stage1").string()}), scratch("run"));
  expect_same_model(folder / "run", scratch("run"));  // training goes on as from the run's own stage 1
}

TEST_F(Published, AFolderOfOtherFilesIsLeftAlone) {
  fs::create_directories(scratch("out"));
  write_file(scratch("out") / "notes.txt", "mine");
  auto config = small_config(folder);
  EXPECT_THROW((void)import_published(folder / "run.pth", scratch("out"), config), UsageError);
  EXPECT_FALSE(fs::exists(scratch("out") / "model.safetensors"));
}

TEST_F(Published, AFrozenEncoderOfFeaturesStaysHereAndComesFromItsFolder) {
  auto config = config_of("tfn");
  const auto& info = find_model("tfn");
  const auto model = model_of(config);
  ASSERT_TRUE(state_of(*model).contains("text_encoder.embeddings.LayerNorm.weight"));
  const auto state = published_state(*model, info);
  for (const auto& entry : state) EXPECT_FALSE(entry.first.starts_with("text_encoder")) << entry.first;
  io::write_torch_zip(scratch("tfn.pth"), state);
  (void)import_published(scratch("tfn.pth"), scratch("tfn"), config);
  const auto again = state_of(*load_checkpoint(scratch("tfn")).model);
  for (const auto& [name, array] : state_of(*model))
    EXPECT_TRUE(torch::equal(io::to_tensor(array), io::to_tensor(again.at(name)))) << name;
}

TEST_F(Published, TensorsThatAreListedTwiceAreWrittenTwiceAndReadOnce) {
  auto config = config_of("bbfn", {"bbfn.encoder=lstm", "bbfn.layers=1"});
  const auto& info = find_model("bbfn");
  const auto model = model_of(config);
  auto state = published_state(*model, info);
  const std::string ours = "SequenceEncoder.linear_proj_a_seq.weight", theirs = "SequenceEncoder.proj_a_seq.0.weight";
  ASSERT_TRUE(state.contains(ours) && state.contains(theirs));
  EXPECT_EQ(state.at(ours).data, state.at(theirs).data);
  state.erase(ours);
  (void)import_published(written(state), scratch("bbfn"), config);
  EXPECT_TRUE(torch::equal(io::to_tensor(state_of(*load_checkpoint(scratch("bbfn")).model).at(ours)),
                           io::to_tensor(state.at(theirs))));
}

TEST_F(Published, OtherNamesAreWrittenAndUnknownOnesRefused) {
  auto config = config_of("almt", {"almt.fusion_depth=1"});
  const auto& info = find_model("almt");
  const auto model = model_of(config);
  const auto mmsa = published_state(*model, info, {"Model.", "mmsa"});
  for (const char* name : {"Model.embedding_l.0.weight", "Model.embedding_v.1.pos_embedding",
                           "Model.regression_head.bias", "Model.h_hyper", "Model.l_encoder.pos_embedding"})
    EXPECT_TRUE(mmsa.contains(name)) << name;
  const auto of_2024 = published_state(*model, info, {"", "2024"});
  for (const char* name : {"proj_l0.weight", "proj_v.pos_embedding", "proj_a.encoder.layers.0.0.norm_q.weight",
                           "text_encoder.pos_embedding", "cls_head.0.weight"})
    EXPECT_TRUE(of_2024.contains(name)) << name;
  EXPECT_EQ(mmsa.size(), state_of(*model).size());
  EXPECT_EQ(of_2024.size(), state_of(*model).size());
  for (const auto& state : {mmsa, of_2024}) {
    const auto result = import_published(written(state), scratch("almt"), config);
    EXPECT_EQ(result.names, state.contains("h_hyper") ? "2024" : "mmsa");
  }
  EXPECT_THAT(error_of<UsageError>([&] {
                (void)published_state(*model, info, {"", "mssa"});
              }),
              AllOf(HasSubstr("'almt'"), HasSubstr("mmsa"), HasSubstr("2024")));
  EXPECT_THROW((void)published_state(*model, find_model("tfn"), {"", "mmsa"}), UsageError);
}

TEST_F(Published, ConstantsMayBeThereOrNot) {
  auto arrays = weights();
  arrays["UniEncKI.enc_t.encoder.model.embeddings.position_ids"] =
      io::make_array({1, 64}, std::vector<std::int64_t>(64));
  auto config = small_config(folder);
  (void)import_published(written(arrays), scratch("new"), config);
  expect_same_model(folder / "run", scratch("new"));
}

TEST_F(Published, DamagedFilesAreFormatErrors) {
  const auto bytes = read_file(folder / "run.pth");
  write_file(scratch("cut.pth"), bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(error_of<FormatError>([&] { (void)read_published(scratch("cut.pth")); }), HasSubstr("cut.pth"));
  EXPECT_THAT(error_of<FormatError>([] { (void)read_published(test::data_file("torch/whole_module.pth")); }),
              HasSubstr("expected a dict of tensors, found the object torch.nn.modules.container.Sequential"));
}

TEST_F(Published, WhateverAWrapperPutsBeforeTheNamesIsFound) {
  const auto state = weights();
  for (const std::string prefix :
       {"_orig_mod.", "model.", "Model.module.", "module._orig_mod.module.", "net.backbone."}) {
    Arrays wrapped;
    for (const auto& [name, array] : state) wrapped[prefix + name] = array;
    if (prefix == "model.") wrapped["n_averaged"] = io::make_array({}, std::vector<std::int64_t>{3});
    auto config = small_config(folder);
    (void)import_published(written(wrapped), scratch("wrapped" + prefix), config);
    expect_same_model(folder / "run", scratch("wrapped" + prefix));
  }
  Arrays inside;  // a part of the model was compiled
  for (const auto& [name, array] : state) {
    const auto dot = name.find('.');
    inside[name.substr(0, dot + 1) + "_orig_mod." + name.substr(dot + 1)] = array;
  }
  auto config = small_config(folder);
  (void)import_published(written(inside), scratch("inside"), config);
  expect_same_model(folder / "run", scratch("inside"));
}

TEST_F(Published, ATensorThatIsOutsideThePrefixIsNotTaken) {
  Arrays wrapped;
  for (const auto& [name, array] : weights()) wrapped["model." + name] = array;
  wrapped["criterion.weight"] = io::make_array({2}, std::vector<float>(2));
  EXPECT_THAT(refusal(wrapped, small_config(folder)),
              AllOf(HasSubstr("(1 differences)"), HasSubstr("criterion.weight [2]: not in the model")));
}

}  // namespace
}  // namespace kuda
