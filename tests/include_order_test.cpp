// The include order of ARCHITECTURE.md, read from the sources themselves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

const fs::path kSources = fs::path(KUDA_SOURCE_DIR) / "src" / "kuda";

// Each folder and the folders of this project that it may include, itself aside. A folder that is not named here has
// no place in the order, and the first test says so.
const std::map<std::string, std::set<std::string>> kMayInclude = [] {
  std::map<std::string, std::set<std::string>> order;
  const auto add = [&](const std::string& folder, const std::vector<std::string>& direct) {
    for (const auto& below : direct) {
      order[folder].insert(below);
      order[folder].insert(order.at(below).begin(), order.at(below).end());
    }
  };
  order["base"] = {};
  add("config", {"base"});
  add("io", {"base"});
  add("media", {"io"});
  add("metrics", {"base"});
  add("tensor", {"io"});
  add("text", {"tensor"});
  add("data", {"text", "metrics", "config"});
  add("extract", {"data", "media"});
  add("nn", {"data"});
  add("models", {"nn"});
  add("checkpoint", {"models"});
  add("explain", {"checkpoint"});  // what uses a model ...
  add("predictor", {"explain", "extract"});
  add("training", {"checkpoint"});  // ... and what makes and judges one
  add("runs", {"training"});
  add("evaluation", {"runs"});
  add("reports", {"evaluation"});
  add("experiments", {"evaluation", "explain"});
  add("serve", {"predictor"});
  add("apps", {"serve", "reports", "experiments"});
  add("bindings", {"predictor", "experiments"});
  return order;
}();

struct Source {
  fs::path path;
  std::string folder;  // first component below src/kuda
  std::string content;
  std::vector<std::string> includes;  // as written between quotes or angle brackets
  [[nodiscard]] bool is_test() const {
    const auto stem = path.stem().string();
    return stem.ends_with("_test") || stem.starts_with("test_");
  }
  [[nodiscard]] std::string name() const { return fs::relative(path, kSources).generic_string(); }
};

std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

const std::vector<Source>& all_sources() {
  static const std::vector<Source> sources = [] {
    std::vector<Source> found;
    const std::regex include(R"(^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"])", std::regex::multiline);
    for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      Source source{entry.path(), fs::relative(entry.path(), kSources).begin()->string(), read_text(entry.path()), {}};
      for (std::sregex_iterator it(source.content.begin(), source.content.end(), include), end; it != end; ++it)
        source.includes.push_back((*it)[1]);
      found.push_back(std::move(source));
    }
    return found;
  }();
  return sources;
}

// "kuda/io/array.h" -> "io"; empty for headers of others.
std::string folder_of(const std::string& include) {
  static const std::regex ours(R"(^kuda/([^/]+)/.*)");
  std::smatch match;
  return std::regex_match(include, match, ours) ? match[1].str() : "";
}

std::vector<std::string> model_folders() {
  std::vector<std::string> names;
  if (!fs::is_directory(kSources / "models")) return names;
  for (const auto& entry : fs::directory_iterator(kSources / "models"))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  return names;
}

TEST(IncludeOrder, SourcesAreFound) {
  EXPECT_GT(all_sources().size(), 10U);
  std::size_t includes = 0;
  for (const auto& source : all_sources()) includes += source.includes.size();
  EXPECT_GT(includes, 30U) << "the pattern for #include no longer matches";
}

TEST(IncludeOrder, EveryFolderHasAPlaceInTheOrder) {
  for (const auto& source : all_sources())
    EXPECT_TRUE(kMayInclude.contains(source.folder)) << source.name() << ": folder not in the order of ARCHITECTURE.md";
}

// Every folder but those of single models is a row of the table, and every row a folder.
TEST(IncludeOrder, TheTableOfRoomsIsTheTreeOfFolders) {
  std::set<std::string> rows, folders;
  const auto page = read_text(fs::path(KUDA_SOURCE_DIR) / "ARCHITECTURE.md");
  const std::regex row(R"(\n\| `([a-z_/]+)/` \|[^\n]*\| `([a-z_.]+)` \|)");
  for (std::sregex_iterator it(page.begin(), page.end(), row), end; it != end; ++it) {
    rows.insert((*it)[1]);
    EXPECT_TRUE(fs::exists(kSources / it->str(1) / it->str(2))) << "the file to open first of " << it->str(1);
  }
  for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
    const auto name = fs::relative(entry.path(), kSources).generic_string();
    if (entry.is_directory() && !name.starts_with("models/")) folders.insert(name);
  }
  EXPECT_EQ(rows, folders);
}

TEST(IncludeOrder, IncludesPointOneWayOnly) {
  std::vector<std::string> wrong;
  for (const auto& source : all_sources()) {
    const auto allowed = kMayInclude.find(source.folder);
    if (allowed == kMayInclude.end()) continue;  // reported above
    if (source.is_test()) continue;              // a test of a checkpoint trains a model first
    for (const auto& include : source.includes) {
      const auto folder = folder_of(include);
      if (!folder.empty() && folder != source.folder && !allowed->second.contains(folder))
        wrong.push_back(source.name() + " includes " + include);
    }
  }
  EXPECT_THAT(wrong, IsEmpty());
}

TEST(IncludeOrder, IncludesNameFilesFromTheRootOfTheSources) {
  std::vector<std::string> wrong;
  for (const auto& source : all_sources())
    for (const auto& include : source.includes)
      if (source.content.find('"' + include + '"') != std::string::npos &&  // <zip.h> is libzip's, not ours
          fs::exists(source.path.parent_path() / include))
        wrong.push_back(source.name() + " includes " + include + ", not kuda/...");
  EXPECT_THAT(wrong, IsEmpty());
}

// LibTorch's umbrella header costs 15 s a file; these folders do without, and readers may not need LibTorch at all.
TEST(IncludeOrder, BaseIoConfigMediaAndMetricsDoNotIncludeTorch) {
  const std::set<std::string> light{"base", "io", "config", "media", "metrics"};
  std::vector<std::string> wrong;
  for (const auto& source : all_sources())
    for (const auto& include : source.includes)
      if (light.contains(source.folder) && include.starts_with("torch/"))
        wrong.push_back(source.name() + " includes " + include);
  EXPECT_THAT(wrong, IsEmpty());
}

// A model is known to the layers beside it through models/model.h only; models/registry.cpp is the only list.
TEST(IncludeOrder, OnlyTheRegistryAndTheModelItselfIncludeAModel) {
  std::vector<std::string> wrong;
  for (const auto& model : model_folders())
    for (const auto& source : all_sources()) {
      if (source.is_test() || source.name() == "models/registry.cpp") continue;
      const std::string folder = "kuda/models/" + model + "/";
      if (source.name().starts_with("models/" + model + "/") || source.folder == "apps") continue;
      for (const auto& include : source.includes)
        if (include.starts_with(folder)) wrong.push_back(source.name() + " includes " + include);
    }
  EXPECT_THAT(wrong, IsEmpty());
}

// Code without its comments: an example in a comment may name a model.
std::string without_comments(const std::string& content) {
  static const std::regex comment(R"(//[^\n]*)");
  return std::regex_replace(content, comment, "");
}

// What a model does differently is a method or a hook of that model. The name as a whole string, or as part of an
// identifier (KudaConfig, tfn_info). The project itself is called kuda: its name as a string is no sign of the model.
TEST(IncludeOrder, NobodyAboveTheModelsKnowsOneByName) {
  const std::set<std::string> above{"checkpoint", "explain", "predictor",  "training",
                                    "runs",       "reports", "evaluation", "experiments"};
  for (const auto& folder : above) EXPECT_TRUE(kMayInclude.contains(folder)) << folder;
  std::vector<std::string> wrong;
  std::vector<std::regex> names;
  for (const auto& model : model_folders()) {
    std::string type = model;
    type[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(type[0])));
    const auto as_string = model == "kuda" ? "" : "\"" + model + "\"|\\b" + model + "_\\w+|";
    names.emplace_back(as_string + std::string("\\b") + type + "[A-Z]\\w*|\\b" + model + "_info\\b");
  }
  for (const auto& source : all_sources()) {
    if (!above.contains(source.folder) || source.is_test()) continue;
    const auto code = without_comments(source.content);
    for (const auto& name : names)
      if (std::smatch match; std::regex_search(code, match, name))
        wrong.push_back(source.name() + " mentions " + match.str());
  }
  EXPECT_THAT(wrong, IsEmpty());
}

// Two types of one name in one namespace, each in a header of its own, compile apart and crash together: the linker
// keeps one of their inline functions.
TEST(Names, OfTypesAreThereOnceInANamespace) {
  const std::regex space(R"(\nnamespace (kuda[a-z_:]*) \{)"),
      type(R"(\n(?:struct|class|enum class) (\w+)(?: final)?(?: : [^;{]*)? \{)");
  std::map<std::string, std::string> seen;
  for (const auto& entry : fs::recursive_directory_iterator(kSources)) {
    if (entry.path().extension() != ".h") continue;
    const auto content = read_text(entry.path()), file = fs::relative(entry.path(), kSources).generic_string();
    std::smatch name;
    if (!std::regex_search(content, name, space)) continue;
    for (std::sregex_iterator it(content.begin(), content.end(), type), end; it != end; ++it) {
      const auto full = name.str(1) + "::" + it->str(1);
      const auto [other, is_new] = seen.emplace(full, file);
      EXPECT_TRUE(is_new) << full << " in " << other->second << " and in " << file;
    }
  }
  EXPECT_GT(seen.size(), 100U) << "the pattern for types no longer matches";
}

}  // namespace
