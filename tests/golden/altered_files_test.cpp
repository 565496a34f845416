// Golden files with other sizes than the stored ones, and with wrong numbers: the checks read every size from the file
// and look at every number in it.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "golden_case.h"
#include "kuda/base/test_support.h"
#include "kuda/tensor/tensor.h"

namespace kuda::golden {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using torch::Tensor;

/// A copy of a file of tests/data/golden that can be changed.
class AlteredFile {
 public:
  explicit AlteredFile(const fs::path& original) : original_(io::read_safetensors(original)) {
    const auto folder = test::scratch_folder("altered") / original.parent_path().filename();  // names the model
    fs::create_directories(folder);
    path_ = folder / original.filename();
    config_ = json::parse(original_.metadata.at("config"));
  }
  AlteredFile(const std::string& model, const std::string& name)
      : AlteredFile(test::data_file("golden/" + model + "/" + name + ".safetensors")) {}

  [[nodiscard]] json& config() { return config_; }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& [key, array] : original_.arrays) keys.push_back(key);
    return keys;
  }
  [[nodiscard]] Tensor at(const std::string& key) const { return io::to_tensor(original_.at(key)).clone(); }
  void put(const std::string& key, const Tensor& value) { original_.arrays[key] = io::to_array(value.contiguous()); }
  void move(const std::string& from, const std::string& to) {
    original_.arrays[to] = original_.arrays.at(from);
    original_.arrays.erase(from);
  }
  void remove(const std::string& prefix) {
    std::erase_if(original_.arrays, [&](const auto& entry) { return entry.first.starts_with(prefix); });
  }
  /// Adds one to the last finite number.
  void spoil(const std::string& key) {
    auto value = at(key);
    auto flat = value.view({-1});
    for (auto i = flat.size(0) - 1; i >= 0; --i)
      if (flat[i].isfinite().item<bool>()) {
        flat[i] = flat[i] + 1;
        return put(key, value);
      }
  }
  /// Puts what our own implementation gives in the place of every stored output. The shapes stay: they are what is
  /// asked of the check.
  void restate() {
    write();
    const GoldenCase golden(path_);
    GoldenReport report(golden);
    run_check(golden, report);
    for (const auto& [key, value] : report.found())
      if (const auto stored = original_.arrays.find(key); stored != original_.arrays.end()) {
        const auto like = io::to_tensor(stored->second);
        if (like.numel() == value.numel()) put(key, value.reshape(like.sizes()).to(like.dtype()));
      }
  }
  /// The keys that do not hold.
  [[nodiscard]] std::set<std::string> failures() {
    write();
    const GoldenCase golden(path_);
    GoldenReport report(golden);
    run_check(golden, report);
    std::set<std::string> keys;
    for (const auto& line : report.comparisons())
      if (!line.holds) keys.insert(line.key.substr(0, line.key.find_first_of("#[")));
    return keys;
  }

 private:
  void write() {
    original_.metadata["config"] = config_.dump();
    io::write_safetensors(path_, original_.arrays, original_.metadata);
  }
  io::ArrayFile original_;
  fs::path path_;
  json config_;
};

using Keys = std::set<std::string>;

std::vector<fs::path> copied_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(test::data_file("golden")))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class AlteredNumbers : public testing::TestWithParam<fs::path> {};

TEST_P(AlteredNumbers, EachIsFound) {
  torch::set_num_threads(1);
  AlteredFile file(GetParam());
  const GoldenCase golden(GetParam());
  Keys spoiled;
  for (const auto& key : file.keys()) {
    if (key.starts_with("in/") || key.starts_with("weight/") || golden.is_noise(key)) continue;
    file.spoil(key);
    spoiled.insert(key);
  }
  ASSERT_FALSE(spoiled.empty());
  const auto failures = file.failures();
  for (const auto& key : spoiled) EXPECT_TRUE(failures.contains(key)) << key << ": changed by one, and it still holds";
}

INSTANTIATE_TEST_SUITE_P(Files, AlteredNumbers, testing::ValuesIn(copied_files()), [](const auto& instance) {
  return instance.param.parent_path().filename().string() + "_" + instance.param.stem().string();
});

/// The last `count` clips of a batch of test clips as a batch of their own.
void split_test_batch(AlteredFile& file, std::int64_t count) {
  for (const auto& key : file.keys()) {
    if (!key.starts_with("in/test0/")) continue;
    const auto whole = file.at(key);
    const auto first = whole.size(0) - count;
    file.put(key, whole.slice(0, 0, first));
    file.put("in/test1/" + key.substr(std::string("in/test0/").size()), whole.slice(0, first));
  }
  auto& lengths = file.config().at("traj").at("test");
  lengths.push_back(lengths[0]);
}

TEST(AlteredSizes, BbfnHasAsManyTestBatchesAsTheFileNames) {
  AlteredFile file("bbfn", "trajectory");
  split_test_batch(file, 1);  // padded as before: the reference's own predictions must still come out
  EXPECT_EQ(file.failures(), Keys());
  file.spoil("out/test_pred");
  EXPECT_EQ(file.failures(), Keys{"out/test_pred"});
}

TEST(AlteredSizes, CubeMlpHasAsManyTestBatchesAsTheFileNames) {
  AlteredFile file("cubemlp", "trajectory");
  split_test_batch(file, 2);
  EXPECT_EQ(file.failures(), Keys());
  file.spoil("out/test_pred");
  EXPECT_EQ(file.failures(), Keys{"out/test_pred"});
}

TEST(AlteredSizes, CubeMlpHasTheCompositionsAndSchedulesOfItsParser) {
  AlteredFile file("cubemlp", "trajectory");  // "mean" over time, the rate halved after each of two epochs
  auto& options = file.config().at("opt");
  options["features_compose_t"] = "sum";  // a mean in the published code too
  EXPECT_EQ(file.failures(), Keys());
  options["lr_decrease"] = "multi_step";
  options["lr_decrease_iter"] = "1-2";
  EXPECT_EQ(file.failures(), Keys());
  options["lr_decrease"] = "exp";
  options["lr_decrease_iter"] = "60";
  EXPECT_EQ(file.failures(), Keys());
  options["lr_decrease"] = "multi_step";
  options["lr_decrease_iter"] = "5-7";
  EXPECT_TRUE(file.failures().contains("out/lr")) << "no fall within two epochs";
  // One group where the text encoder has no rate of its own.
  options["bert_lr_rate"] = -1;
  file.put("out/lr", torch::zeros({2, 1}));
  file.restate();
  EXPECT_EQ(file.failures(), Keys());
  EXPECT_TRUE(torch::equal(file.at("out/lr"), torch::full({2, 1}, 0.004F)));
}

/// MMIM as on CMU-MOSEI: stage 1 makes two of the four steps of an epoch.
AlteredFile mmim_with_a_short_stage1() {
  AlteredFile file("mmim", "trajectory");
  auto order = file.at("in/order");  // [passes, steps, batch]: stage 1, stage 2, stage 1, stage 2
  for (const std::int64_t pass : {0, 2}) order[pass].slice(0, 2).fill_(-1);
  file.put("in/order", order);
  return file;
}

TEST(AlteredSizes, MmimMayEndItsFirstStageEarly) {
  const auto published = AlteredFile("mmim", "trajectory").at("out/stage1_loss_steps");
  for (const bool is_padded : {false, true}) {
    auto file = mmim_with_a_short_stage1();
    const Keys of_steps{"out/stage1_loss_steps", "out/stage1_grad_norms", "out/stage1_lld"};
    for (const auto& key : of_steps) file.put(key, torch::zeros({2, is_padded ? 4 : 2}));
    file.restate();
    if (is_padded)
      for (const auto& key : of_steps) {
        auto value = file.at(key);
        value.slice(1, 2).fill_(std::numeric_limits<float>::quiet_NaN());
        file.put(key, value);
      }
    EXPECT_EQ(file.failures(), Keys());
    // The first two steps are those of the reference.
    EXPECT_TRUE(torch::allclose(file.at("out/stage1_loss_steps")[0].slice(0, 0, 2), published[0].slice(0, 0, 2), 2e-5));
    auto wrong = file.at("out/stage1_lld");
    wrong[1][1] += 1;
    file.put("out/stage1_lld", wrong);
    EXPECT_EQ(file.failures(), Keys{"out/stage1_lld"});
  }
  AlteredFile by_outputs("mmim", "trajectory");  // the order may name the clips of steps that were not made
  for (const char* name : {"loss_steps", "grad_norms", "lld"})
    by_outputs.put(std::string("out/stage1_") + name, torch::zeros({2, 2}));
  by_outputs.restate();
  EXPECT_EQ(by_outputs.failures(), Keys());
  EXPECT_TRUE(torch::allclose(by_outputs.at("out/stage1_loss_steps")[0], published[0].slice(0, 0, 2), 2e-5));

  auto full = mmim_with_a_short_stage1();  // four stored steps, two made: the file is not what it says
  EXPECT_TRUE(full.failures().contains("out/stage1_loss_steps"));
}

TEST(AlteredSizes, MmimWithoutItsBoundsHasOneStage) {
  AlteredFile file("mmim", "trajectory");
  const auto order = file.at("in/order");
  file.config()["contrast"] = false;
  file.put("in/order", torch::stack({order[1], order[3]}));
  file.remove("out/stage1_");
  for (const char* name : {"H", "lld", "nce"}) file.remove(std::string("out/stage2_") + name);
  file.restate();
  EXPECT_EQ(file.failures(), Keys());
}

/// A trajectory of CENet's authors: one step of all clips at the full rate is what their single case stores.
AlteredFile codebook_trajectory() {
  AlteredFile file("cenet", "codebook");
  file.config()["_kind"] = "traj";
  file.config()["warmup_proportion"] = 0.0;
  const auto loss = file.at("out/train_loss"), norm = file.at("out/grad_norm");
  const auto clips = file.at("in/labels").size(0);
  for (const char* prefix : {"grad/", "out/"}) file.remove(prefix);
  for (const auto& key : file.keys()) {
    if (key.starts_with("in/")) file.put("in/valid_" + key.substr(3), file.at(key).slice(0, 0, 3));
    if (key.starts_with("step/")) file.move(key, "state/epoch1/weight/" + key.substr(5));
  }
  file.put("in/order", torch::tensor({2, 0, 3, 1}).view({1, 1, clips}));
  file.put("out/loss_steps", loss.view({1, 1}));
  file.put("out/grad_norms", norm.view({1, 1}));
  file.put("out/valid_pred", torch::zeros({1, 3}));
  file.put("out/valid_loss_rounded", torch::zeros({1}));
  return file;
}

TEST(AlteredSizes, CenetsCodebookHasTrajectories) {
  auto file = codebook_trajectory();
  // Everything but the validation is the reference's: its step, loss and norm.
  EXPECT_EQ(file.failures(), (Keys{"out/valid_pred", "out/valid_loss_rounded"}));
  file.restate();
  EXPECT_EQ(file.failures(), Keys());

  // Two epochs of two steps, the second with one clip only, over a warm-up: rates of floor(4 / 3) * 2 = 2 steps.
  file.config()["warmup_proportion"] = 0.5;
  file.put("in/order", torch::tensor({2, 0, 3, 1, -1, -1, 0, 1, 2, 3, -1, -1}).view({2, 2, 3}));
  for (const auto& key : file.keys())
    if (key.starts_with("state/epoch1/")) file.put("state/epoch2/" + key.substr(13), file.at(key));
  for (const char* key : {"out/loss_steps", "out/grad_norms", "out/lr_steps"}) file.put(key, torch::zeros({2, 2}));
  file.put("out/valid_pred", torch::zeros({2, 3, 1}));
  file.put("out/valid_loss_rounded", torch::zeros({2}));
  file.restate();
  EXPECT_EQ(file.failures(), Keys());
  EXPECT_EQ(file.at("out/lr_steps")[0][0].item<float>(), 0) << "the warm-up starts from 0";
  file.put("out/lr_steps", torch::zeros({4}));  // one after the other
  file.restate();
  EXPECT_EQ(file.failures(), Keys());
  EXPECT_GT(file.at("out/lr_steps")[1].item<float>(), 0);
  for (const char* key : {"out/lr_steps", "out/valid_loss_rounded", "state/epoch2/weight/classifier.out_proj.weight"}) {
    auto wrong = file;
    wrong.spoil(key);
    EXPECT_EQ(wrong.failures(), Keys{key});
  }
}

TEST(AlteredSizes, CenetsClusterIdsHaveAnyNumberOfFeaturesBehindThem) {
  AlteredFile file("cenet", "codebook");
  file.config()["feature_dims"] = {file.config().at("feature_dims").at(0).get<int>(), 74, 27};
  EXPECT_EQ(file.failures(), Keys());
}

}  // namespace
}  // namespace kuda::golden
