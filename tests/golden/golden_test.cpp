// Every golden file that can be found, as tests: the copies in this repository always, the whole collection where
// KUDA_SHARED (default ../shared) has it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "golden_case.h"
#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/models/model.h"
#include "parity.h"
#include "sizes.h"

namespace kuda::golden {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

fs::path copies() { return fs::path(KUDA_SOURCE_DIR) / "tests" / "data" / "golden"; }
fs::path collection() { return test::shared_file("golden"); }

/// Files of the folders below `root` that hold golden facts, "FOLDER/NAME". The pickles of common/ are tests of io/.
std::set<std::string> facts_in(const fs::path& root) {
  std::set<std::string> names;
  if (!fs::is_directory(root)) return names;
  for (const auto& folder : fs::directory_iterator(root))
    if (folder.is_directory())
      for (const auto& file : files_in(folder))
        if (fs::is_regular_file(file) && file.extension() != ".md")
          names.insert(folder.path().filename().string() + "/" + file.filename().string());
  return names;
}

/// All that is checked here: every file of a folder that has a check.
std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& root : {copies(), collection()})
    for (const auto& name : facts_in(root))
      if (checks().contains(fs::path(name).parent_path().string())) files.push_back(root / name);
  return files;
}

nlohmann::ordered_json stored_parity() {
  return nlohmann::ordered_json::parse(read_file(fs::path(KUDA_SOURCE_DIR) / "docs" / "parity.json"));
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, EveryValueHolds) {
  torch::set_num_threads(1);
  std::string text;
  EXPECT_TRUE(check_file(GetParam(), false, text)) << text;
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_files()), [](const auto& instance) {
  const auto& path = instance.param;
  auto name = path.parent_path().filename().string() + "_" + path.stem().string();
  if (path.string().find("tests/data") != std::string::npos) name += "_copy";
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(GoldenCollection, EveryModelHasACase) {
  for (const auto& info : all_models()) {
    EXPECT_TRUE(checks().contains(info.name)) << info.name << ": no tests/golden/" << info.name << "_cases.cpp";
    EXPECT_FALSE(files_in(copies() / info.name).empty()) << info.name << ": a registered model without a golden case";
  }
}

TEST(Readme, HasARowForEveryModel) {
  const auto readme = read_file(fs::path(KUDA_SOURCE_DIR) / "README.md");
  for (const auto& info : all_models()) {
    const auto page = "src/kuda/models/" + info.name + "/README.md";
    EXPECT_THAT(readme, testing::HasSubstr("| [`" + info.name + "`](" + page + ") | " + info.paper + " |"));
    EXPECT_TRUE(fs::exists(fs::path(KUDA_SOURCE_DIR) / page)) << page;
  }
}

/// docs/parity.json is the list of what the collection holds: a file that is lost, or one that nobody compared, differs
/// from it.
TEST(GoldenCollection, TheWholeCollectionIsThere) {
  if (!fs::is_directory(collection())) GTEST_SKIP() << "no golden collection at " << collection();
  const auto parity = stored_parity();
  std::set<std::string> found, listed;
  for (const auto& name : facts_in(collection()))
    if (name.ends_with(".safetensors")) found.insert(name.substr(0, name.rfind('.')));
  for (const auto& item : parity.at("cases"))
    listed.insert(item.at("model").get<std::string>() + "/" + item.at("case").get<std::string>());
  EXPECT_EQ(found, listed) << "make parity";
  for (const auto& name : facts_in(collection()))
    EXPECT_TRUE(checks().contains(fs::path(name).parent_path().string())) << name << " is checked by nobody";
}

TEST(GoldenCollection, ACaseOfAnUnknownFolderIsRefused) {
  const auto folder = test::scratch_folder("lmff");
  fs::copy_file(copies() / "lmf" / "base.safetensors", folder / "base.safetensors");
  std::string text;
  EXPECT_THAT(test::error_of<DataError>([&] { (void)check_file(folder / "base.safetensors", false, text); }),
              testing::HasSubstr("did you mean 'lmf'?"));
}

/// Counts that the toolbox prints with its published settings; its CH-SIMSv2 files had the widths of CH-SIMS. It counts
/// what is trained: TFN has two constants besides (output_range, output_shift).
TEST(Sizes, PresetsOfTheToolboxHaveItsNumbersOfParameters) {
  const std::map<std::string, std::array<std::int64_t, 4>> published{{"tfn", {35632077, 18178893, 9497043, 5042539}},
                                                                     {"lmf", {272381, 274557, 505071, 508475}},
                                                                     {"mult", {1870701, 1001821, 2571551, 982951}},
                                                                     {"misa", {21664749, 20804909, 1138033, 1435105}}};
  const std::array<const char*, 4> data{"sims", "simsv2", "mosi", "mosei"}, shapes{"sims", "sims", "mosi", "mosei"};
  for (const auto& [model, counts] : published)
    for (std::size_t i = 0; i < 4; ++i) {
      const auto preset = fs::path(KUDA_SOURCE_DIR) / "configs" / (model + "_" + data[i] + ".toml");
      const std::int64_t constants = model == "tfn" ? 2 : 0;
      EXPECT_EQ(preset_parameters(preset, published_shape(shapes[i])), counts[i] + constants) << preset;
    }
}

TEST(Parity, OfThePresetsIsAsLargeAsStored) {
  const auto facts = stored_parity();
  const auto sizes = preset_sizes(fs::path(KUDA_SOURCE_DIR) / "configs");
  EXPECT_EQ((facts.at("parameters").get<std::map<std::string, std::int64_t>>()), sizes) << "make parity";
}

TEST(Parity, ThePageIsMadeFromTheFacts) {
  EXPECT_EQ(read_file(fs::path(KUDA_SOURCE_DIR) / "docs" / "parity.md"), parity_page(stored_parity())) << "make parity";
}

TEST(Parity, IsWrittenAsItIsReadAndTellsWhatDoesNotHold) {
  const auto folder = test::scratch_folder("docs");
  const auto facts = parity_facts({{"lmf", "base", 89, 1.2e-7, true}, {"lmf", "other", 3, 0.25, false}},
                                  fs::path(KUDA_SOURCE_DIR) / "configs");
  write_parity(folder, facts);
  EXPECT_EQ(nlohmann::ordered_json::parse(read_file(folder / "parity.json")), facts);
  const auto page = read_file(folder / "parity.md");
  EXPECT_THAT(page, testing::HasSubstr("| lmf | base | 89 | 1.2e-07 | yes |\n| lmf | other | 3 | 2.5e-01 | no |\n"));
}

TEST(GoldenReport, FindsAWrongValueAndAKeyNobodyCompared) {
  const auto folder = test::scratch_folder("case");
  io::write_safetensors(
      folder / "case.safetensors",
      {{"out/a", io::make_array({2}, std::vector<float>{1, 2})}, {"out/b", io::make_array({1}, std::vector<float>{3})}},
      {{"config", "{}"}});
  const GoldenCase golden(folder / "case.safetensors");
  GoldenReport report(golden);
  report.compare("out/a", torch::tensor({1.0F, 2.00001F}));
  EXPECT_TRUE(report.holds());
  report.finish();
  EXPECT_FALSE(report.holds()) << "out/b was not compared";
  GoldenReport wrong(golden);
  wrong.compare("out/a", torch::tensor({1.0F, 2.001F}));
  EXPECT_FALSE(wrong.holds());
}

}  // namespace
}  // namespace kuda::golden
