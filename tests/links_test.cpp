// Links between pages, and pages that sources name: what they point to is there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

const fs::path kRoot = KUDA_SOURCE_DIR;

// Folders that hold files of this project; what a user makes beside them (runs, reports) is not ours to judge.
const std::vector<std::string> kFolders = {".ci",         "bench", "cmake",   "configs", "docs", "examples",
                                           "experiments", "fuzz",  "scripts", "src",     "tests"};

std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

std::vector<fs::path> files_ending_with(const std::set<std::string>& endings) {
  std::vector<fs::path> found;
  const auto add = [&](const fs::directory_entry& entry) {
    if (entry.is_regular_file() && endings.contains(entry.path().extension().string())) found.push_back(entry.path());
  };
  for (const auto& entry : fs::directory_iterator(kRoot)) add(entry);
  for (const auto& folder : kFolders)
    if (fs::is_directory(kRoot / folder))
      for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) add(entry);
  std::sort(found.begin(), found.end());
  return found;
}

struct Line {
  std::size_t number;
  std::string text;
};

// The lines of a page outside its fenced blocks, without what stands between backticks.
std::vector<Line> prose(const std::string& page) {
  std::vector<Line> lines;
  std::istringstream stream(page);
  bool fenced = false;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.find("```") == line.find_first_not_of(' ') && line.find("```") != std::string::npos) {
      fenced = !fenced;
    } else if (!fenced) {
      std::string text;
      bool code = false;
      for (const char letter : line) {
        if (letter == '`')
          code = !code;
        else if (!code)
          text += letter;
      }
      lines.push_back({number, text});
    }
  }
  return lines;
}

// The anchors of a page as GitHub makes them: lower case, punctuation left out, a hyphen for each space.
std::set<std::string> anchors(const fs::path& page) {
  std::set<std::string> found;
  std::istringstream stream(read_text(page));
  for (std::string line; std::getline(stream, line);) {
    const auto end = line.find_first_not_of('#');
    if (end == 0 || end == std::string::npos || line[end] != ' ') continue;
    std::string anchor;
    for (const char letter : line.substr(end + 1)) {
      if (letter == ' ')
        anchor += '-';
      else if (std::isalnum(static_cast<unsigned char>(letter)) || letter == '-' || letter == '_')
        anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    }
    found.insert(anchor);
  }
  return found;
}

// What the links of a page point to, with the lines they stand on; links to other sites are left out.
std::vector<Line> links(const std::string& page) {
  std::vector<Line> found;
  for (const auto& [number, text] : prose(page))
    for (auto at = text.find("]("); at != std::string::npos; at = text.find("](", at + 2)) {
      const auto target = text.substr(at + 2, text.find(')', at) - at - 2);
      if (target.find("://") == std::string::npos) found.push_back({number, target});
    }
  return found;
}

// "12: missing.md": the links of a page, with the text `content`, that point to no file or to no heading of it.
std::vector<std::string> broken_links(const fs::path& page, const std::string& content) {
  std::vector<std::string> broken;
  for (const auto& [number, target] : links(content)) {
    const auto mark = std::min(target.find('#'), target.size());
    const auto file = mark == 0 ? page : page.parent_path() / target.substr(0, mark);
    if (!fs::exists(file) || (mark < target.size() && !anchors(file).contains(target.substr(mark + 1))))
      broken.push_back(std::to_string(number) + ": " + target);
  }
  return broken;
}

TEST(Links, OfEveryPageLeadToAFileAndAHeading) {
  const auto pages = files_ending_with({".md"});
  std::size_t seen = 0;
  for (const auto& page : pages) {
    const auto content = read_text(page);
    seen += links(content).size();
    EXPECT_THAT(broken_links(page, content), IsEmpty()) << fs::relative(page, kRoot);
  }
  EXPECT_GT(seen, 50U) << "links are no longer found";
}

TEST(Links, ThatLeadNowhereAreFound) {
  const auto page = kRoot / "docs" / "page.md";
  EXPECT_THAT(broken_links(page,
                           "[there](metrics.md#intervals), [no file](../missing.md)\n[no heading](metrics.md#none)\n"
                           "`[code](code.md)`\n```\n[more](code.md)\n```\n[site](https://example.org/a.md)"),
              ElementsAre("1: ../missing.md", "2: metrics.md#none"));
}

TEST(Links, EveryPageOfDocsIsNamedByItsFrontPage) {
  const auto front = read_text(kRoot / "docs" / "README.md");
  for (const auto& page : files_ending_with({".md"})) {
    const auto name = fs::relative(page, kRoot / "docs").generic_string();
    if (name.starts_with("..") || name == "README.md") continue;
    EXPECT_NE(front.find("](" + name + ")"), std::string::npos) << "docs/README.md does not name " << name;
  }
}

// Comments, messages and scripts name pages from the root of the project.
TEST(Links, PagesNamedInSourcesAreThere) {
  const std::string folder = "docs/";
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  std::size_t seen = 0;
  for (const auto& file :
       files_ending_with({"", ".cmake", ".cpp", ".h", ".json", ".md", ".py", ".sh", ".toml", ".txt"})) {
    const auto text = read_text(file);
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at + 1)) {
      if (at > 0 && letters.find(text[at - 1]) != std::string::npos) continue;  // the docs of somebody else
      auto name = text.substr(at, text.find_first_not_of(letters, at) - at);
      name.resize(name.find_last_not_of('.') + 1);
      if (fs::path(name).extension().empty()) continue;
      ++seen;
      EXPECT_TRUE(fs::exists(kRoot / name)) << fs::relative(file, kRoot) << " names " << name;
    }
  }
  EXPECT_GT(seen, 20U) << "pages are no longer found in sources";
}

}  // namespace
