#include "kuda/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/safetensors.h"
#include "kuda/runs/test_small_run.h"
#include "kuda/tensor/state_dict.h"
#include "kuda/training/test_toy_model.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using namespace test;
using test::error_of;
using test::scratch_folder;
using testing::AllOf;
using testing::HasSubstr;

/// One finished run without pretraining, standardised, so that its checkpoint has every file.
class CheckpointFolder : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder = finished_run("run", {"kuda.knowledge=false", "train.epochs=1", "data.normalise=standardise"});
  }
  /// A copy of the checkpoint that a test may damage.
  static fs::path copy() {
    const auto target = scratch_folder("copy") / "model";
    fs::copy(folder / "run" / "model", target, fs::copy_options::recursive);
    return target;
  }
  static fs::path folder;
};
fs::path CheckpointFolder::folder;

TEST_F(CheckpointFolder, ScoresAsTheRunDid) {
  const auto expected = read_predictions(folder / "run" / "predictions.csv");
  const auto dataset = open_dataset(folder / "clips");
  const auto moved = copy();
  for (const auto& path : {folder / "run", moved}) {  // the run folder stands for its model
    const auto checkpoint = load_checkpoint(path);
    EXPECT_FALSE(checkpoint.model->is_training());
    const auto collator = make_collator(checkpoint, dataset);
    const auto predictions =
        predict_dataset(*checkpoint.model, [&](const auto& rows) { return collator(rows); }, dataset,
                        test::range(0, 24), {.batch_size = 4});  // as the run did: the same bytes
    ASSERT_EQ(predictions.size(), expected.size());
    for (const auto& prediction : predictions)
      for (const auto& other : expected)
        EXPECT_TRUE(other.id != prediction.id || other.score == prediction.score) << other.id;
  }
}

TEST_F(CheckpointFolder, SavedAgainItHasTheSameBytes) {
  auto checkpoint = load_checkpoint(folder / "run");
  const auto again = scratch_folder("again");
  save_checkpoint(again, *checkpoint.model, checkpoint.config, checkpoint.facts, &*checkpoint.tokenizer,
                  checkpoint.normaliser, checkpoint.calibration);
  for (const char* file :
       {"config.json", "model.safetensors", "vocab.txt", "normaliser.safetensors", "calibration.json"})
    EXPECT_TRUE(read_file(again / file) == read_file(folder / "run" / "model" / file)) << file;
}

TEST_F(CheckpointFolder, TensorsThatDoNotFitAreNamedWithShapesAndCause) {
  const auto path = copy();
  const auto file = io::read_safetensors(path / "model.safetensors");
  auto arrays = file.arrays;
  const std::string word = "UniEncKI.enc_t.encoder.model.embeddings.word_embeddings.weight";
  const std::string proj = "UniEncKI.enc_v.encoder.tfencoder.pos_encoder.proj.weight";
  const auto rows = arrays.at(word).shape[0];
  arrays[word] = io::make_array({7, 16}, std::vector<float>(7 * 16));
  arrays["stranger"] = io::make_array({1}, std::vector<float>(1));
  arrays.erase("CLS.cls_layer.0.bias");
  const auto other = scratch_folder("other") / "model.safetensors";
  io::write_safetensors(other, arrays);
  fs::rename(other, path / "model.safetensors");
  const auto message = error_of<CheckpointError>([&] { (void)load_checkpoint(path); });
  EXPECT_THAT(message, AllOf(HasSubstr("model.safetensors"), HasSubstr("3 differences"), HasSubstr("[7, 16]"),
                             HasSubstr("[" + std::to_string(rows) + ", 16]"), HasSubstr("stranger"),
                             HasSubstr("CLS.cls_layer.0.bias"), HasSubstr("21128")));

  arrays = file.arrays;
  arrays[proj] = io::make_array({16, 35}, std::vector<float>(16 * 35));
  io::write_safetensors(other, arrays);
  fs::rename(other, path / "model.safetensors");
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)load_checkpoint(path); }),
              AllOf(HasSubstr("[16, 35]"), HasSubstr("[16, 5]"), HasSubstr("feature width")));
}

TEST_F(CheckpointFolder, DamageIsACheckpointError) {
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)load_checkpoint(folder / "clips"); }),
              HasSubstr("not a checkpoint folder"));
  for (const char* file : {"config.json", "model.safetensors", "normaliser.safetensors", "calibration.json"}) {
    const auto path = copy();
    const auto bytes = read_file(path / file);
    write_file(path / file, bytes.substr(0, bytes.size() / 2));
    EXPECT_THAT(error_of<CheckpointError>([&] { (void)load_checkpoint(path); }), HasSubstr(file));
  }
  const auto path = copy();
  fs::remove(path / "model.safetensors");
  EXPECT_THROW((void)load_checkpoint(path), CheckpointError);
}

TEST_F(CheckpointFolder, AValueThatWasChangedIsNamedWithItsPlace) {
  const auto path = copy();
  const auto whole = nlohmann::json::parse(read_file(path / "config.json"));
  const std::tuple<const char*, nlohmann::json, const char*> cases[] = {
      {"/shape/vision_width", 1e30, "config.json: shape.vision_width: expected a whole number, 0 or more, found 1e+30"},
      {"/shape/present", {true, false}, "shape.present: expected a list of 3, found a list"},
      {"/shape/present/1", 7, "shape.present[1]: expected true or false, found 7"},
      {"/score_low", "low", "score_low: expected a number"},
      {"/versions/kuda", 1, "versions.kuda: expected a text"},
      {"/epoch", -1, "epoch: expected a whole number"}};
  for (const auto& [place, value, expected] : cases) {
    auto changed = whole;
    changed[nlohmann::json::json_pointer(place)] = value;
    write_file(path / "config.json", changed.dump());
    EXPECT_THAT(error_of<CheckpointError>([&] { (void)load_checkpoint(path); }),
                AllOf(HasSubstr(expected), HasSubstr("take another copy")));
  }
}

TEST_F(CheckpointFolder, FeaturesOfAnotherDataSetAreNamed) {
  SynthOptions options;
  options.train = options.valid = options.test = 2;
  options.vision_width = 35;
  options.audio_width = 4;
  const auto dataset = make_synthetic(options);
  const auto checkpoint = load_checkpoint(folder / "run");
  EXPECT_THAT(error_of<CheckpointError>([&] { (void)make_collator(checkpoint, dataset); }),
              AllOf(HasSubstr("vision: the model was built for 5 features a frame"), HasSubstr("has 35"),
                    HasSubstr("another extractor")));
  const auto collator = make_collator(checkpoint, dataset, {"T", "audio"});
  EXPECT_EQ(collator.shape().length.audio, 12) << "lengths are those of the model";
  EXPECT_TRUE(checkpoint.model->forward(collator({0, 1}), nullptr).score.isfinite().all().item<bool>());
  EXPECT_THAT(error_of<DataError>([&] { (void)make_collator(checkpoint, dataset, {"T"}, TextSource::tokens); }),
              HasSubstr("holds no token ids"))
      << "the caller's choice counts, and the checkpoint keeps its own";
}

TEST_F(CheckpointFolder, ModalitiesBeyondTheModelAreRefused) {
  const auto out = scratch_folder("run");
  run(small_config(folder, {"kuda.knowledge=false", "train.epochs=1", "data.modalities=text,audio"}), out);
  const auto checkpoint = load_checkpoint(out);
  const auto dataset = open_dataset(folder / "clips");
  EXPECT_THAT(modalities_of(checkpoint), testing::ElementsAre("text", "audio"));
  EXPECT_THAT(error_of<ConfigError>([&] { (void)make_collator(checkpoint, dataset, {"V"}); }),
              AllOf(HasSubstr("trained without vision"), HasSubstr("text, audio")));
  EXPECT_THROW((void)make_collator(checkpoint, dataset, {"sound"}), ConfigError);
}

TEST_F(CheckpointFolder, FactsSayWhereItComesFrom) {
  const auto checkpoint = load_checkpoint(folder / "run");
  EXPECT_EQ(checkpoint.facts.task, kMainTask);
  EXPECT_EQ(checkpoint.facts.epochs, 1);
  EXPECT_TRUE(checkpoint.facts.is_synthetic);
  EXPECT_EQ(checkpoint.facts.versions.at("libtorch"), build_versions().at("libtorch"));
  EXPECT_EQ(checkpoint.facts.data_fingerprint, open_dataset(folder / "clips").fingerprint);
  EXPECT_EQ(load_checkpoint(folder / "run" / "last").facts.select, "last");
}

}  // namespace
}  // namespace kuda
