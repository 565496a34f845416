// Every golden file that can be found, as tests: the copies in this repository always, the whole collection where
// KUDA_SHARED (default ../shared) has it.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "golden_case.h"
#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/models/model.h"
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

/// Folders of golden files: systems that exist here, and the common facts that golden_check knows.
std::vector<fs::path> golden_files() {
  std::vector<fs::path> files;
  for (const auto& root : {fs::path(KUDA_SOURCE_DIR) / "tests" / "data" / "golden", test::shared_file("golden")}) {
    for (const auto& info : all_models())
      for (const auto& file : files_in(root / info.name)) files.push_back(file);
    for (const auto& file : files_in(root / "common"))
      if (file.extension() == ".json" || file.extension() == ".safetensors") files.push_back(file);
  }
  return files;
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
    const auto copies = files_in(fs::path(KUDA_SOURCE_DIR) / "tests" / "data" / "golden" / info.name);
    EXPECT_FALSE(copies.empty()) << info.name << ": a registered model without a golden case";
  }
}

TEST(GoldenCollection, TheWholeCollectionIsThere) {
  if (!fs::is_directory(test::shared_file("golden")))
    GTEST_SKIP() << "no golden collection at " << test::shared_file("golden");
  EXPECT_GT(golden_files().size(), 10U);
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

TEST(Sizes, TheParityPageHasThem) {
  const auto page = read_file(fs::path(KUDA_SOURCE_DIR) / "docs" / "parity.md");
  EXPECT_TRUE(page.ends_with(sizes_table(fs::path(KUDA_SOURCE_DIR) / "configs"))) << "make parity";
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
