// Every file of the pickle manifest gives what the manifest says: from tests/data, and from the shared golden facts
// where they are present (they may hold more).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/io/pickle/pickle.h"
#include "kuda/io/safetensors.h"

namespace kuda::io {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Kind = Value::Kind;

json load_json(const std::filesystem::path& path) { return json::parse(std::ifstream(path)); }

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// Compares a value with its description in NAME.expected.json.
class Comparison {
 public:
  explicit Comparison(const ArrayFile* arrays) : arrays_(arrays) {}

  void expect_equal(const Value& value, const json& expected, const std::string& where) const {
    SCOPED_TRACE(where);
    if (expected.is_object())
      expect_object(value, expected, where);
    else if (expected.is_null())
      EXPECT_EQ(value.kind(), Kind::none) << value.kind_name();
    else if (expected.is_boolean())
      EXPECT_EQ(value.boolean(), expected.get<bool>());
    else if (expected.is_string())
      expect_text(value, expected.get<std::string>());
    else if (expected.is_number_float())
      EXPECT_EQ(value.real(), expected.get<double>());
    else
      EXPECT_EQ(value.integer(), expected.get<std::int64_t>());
  }

 private:
  static void expect_text(const Value& value, const std::string& text) {
    EXPECT_EQ(value.kind(), Kind::text) << value.kind_name();
    EXPECT_EQ(value.text(), text);
  }

  void expect_object(const Value& value, const json& expected, const std::string& where) const {
    if (expected.contains("dict")) {
      const json& entries = expected["dict"];
      ASSERT_EQ(value.kind(), Kind::dict) << value.kind_name();
      ASSERT_EQ(value.size(), entries.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::string key = entries[i][0].dump();
        expect_equal(value.entries()[i].first, entries[i][0], where + " key " + key);
        expect_equal(value.entries()[i].second, entries[i][1], where + "/" + key);
      }
    } else if (expected.contains("list") || expected.contains("tuple")) {
      const bool is_list = expected.contains("list");
      ASSERT_EQ(value.kind(), is_list ? Kind::list : Kind::tuple) << value.kind_name();
      expect_items(value, expected[is_list ? "list" : "tuple"], where);
    } else if (expected.contains("array")) {
      expect_array(value, expected);
    } else if (expected.contains("array_of_str") || expected.contains("array_of_object")) {
      expect_object_array(value, expected[expected.contains("array_of_str") ? "array_of_str" : "array_of_object"],
                          expected["shape"], where);
    } else if (expected.contains("array_of_bytes_hex")) {
      json texts = json::array();
      for (const auto& hex : expected["array_of_bytes_hex"]) texts.push_back(from_hex(hex.get<std::string>()));
      expect_object_array(value, texts, expected["shape"], where);
    } else if (expected.contains("scalar")) {
      expect_equal(value, expected["scalar"], where);
    } else if (expected.contains("int_decimal")) {
      EXPECT_EQ(std::to_string(value.integer()), expected["int_decimal"].get<std::string>());
    } else if (expected.contains("bytes_hex")) {
      EXPECT_EQ(value.kind(), Kind::bytes);
      EXPECT_EQ(value.text(), from_hex(expected["bytes_hex"].get<std::string>()));
    } else {
      ADD_FAILURE() << "the test does not know " << expected.dump();
    }
  }

  void expect_items(const Value& value, const json& items, const std::string& where) const {
    ASSERT_EQ(value.size(), items.size());
    for (std::size_t i = 0; i < items.size(); ++i) expect_equal(value[i], items[i], where + "/" + std::to_string(i));
  }

  void expect_object_array(const Value& value, const json& items, const json& shape, const std::string& where) const {
    ASSERT_EQ(value.kind(), Kind::object_array) << value.kind_name();
    EXPECT_EQ(value.object_shape(), shape.get<std::vector<std::int64_t>>());
    expect_items(value, items, where);
  }

  void expect_array(const Value& value, const json& expected) const {
    ASSERT_NE(arrays_, nullptr);
    const Array& found = value.array();
    const Array& wanted = arrays_->at(expected["array"].get<std::string>());
    EXPECT_EQ(found.shape, expected["shape"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(dtype_name(found.dtype), expected["dtype"].get<std::string>());
    const auto left = found.to_doubles(), right = wanted.to_doubles();  // exact for every dtype of the files
    ASSERT_EQ(left.size(), right.size());
    for (std::size_t i = 0; i < left.size(); ++i)
      EXPECT_TRUE(left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i])))
          << "element " << i << ": " << left[i] << " instead of " << right[i];
  }

  const ArrayFile* arrays_;
};

void expect_content(const Value& root, const std::filesystem::path& folder, const std::string& content) {
  const json expected = load_json(folder / (content + ".expected.json"));
  const auto arrays_path = folder / (content + ".expected.safetensors");
  ArrayFile arrays;
  if (std::filesystem::exists(arrays_path)) arrays = read_safetensors(arrays_path);
  Comparison(&arrays).expect_equal(root, expected["root"], content);
}

/// The hand-made files without an expected.json.
void expect_handmade(const Value& root, const std::string& file) {
  if (file == "shared_twice.pkl") {
    const std::vector<double> values{0, 1, 2, 3};
    EXPECT_EQ(root.find("x")->array().to_doubles(), values);
    EXPECT_EQ(root.find("y")->array().to_doubles(), values);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ((*root.find("z"))[i].array().to_doubles(), values);
  } else if (file == "array_handmade_ok.pkl") {
    EXPECT_EQ(root.array().describe(), "[2] float32");
    EXPECT_EQ(root.array().to_doubles(), (std::vector<double>{1, 2}));
  } else if (file == "empty_root_dict.pkl") {
    EXPECT_EQ(root.kind(), Kind::dict);
    EXPECT_EQ(root.size(), 0U);
  } else if (file == "s_root_is_list.pkl") {
    EXPECT_EQ(root.kind(), Kind::list);
  }
}

void expect_named_fault(const std::string& message, const json& entry) {
  const auto file = entry["file"].get<std::string>();
  EXPECT_THAT(message, HasSubstr(file));
  EXPECT_THAT(message, HasSubstr(": byte "));
  const auto must = entry["must"].get<std::string>();
  // What the manifest asks for, and what the message must say then.
  const std::vector<std::pair<std::string, std::string>> words{
      {"report a truncated file", "truncated"}, {"a zip and not a pickle", "zip"},
      {"a gzip file: say so", "gzip"},          {"say that the file is empty", "empty"},
      {"not a pickle: say so", "not a pickle"}, {"unknown opcode 255", "unknown opcode 255"}};
  for (const auto& [wish, word] : words) {
    if (must.find(wish) != std::string::npos) {
      EXPECT_THAT(message, HasSubstr(word)) << must;
    }
  }
  if (must.find("names the refused global") != std::string::npos) {
    EXPECT_THAT(message, HasSubstr("refused global ")) << must;
  }
}

void check_entry(const std::filesystem::path& folder, const json& entry) {
  const auto file = entry["file"].get<std::string>();
  SCOPED_TRACE(file);
  const auto expect = entry["expect"].get<std::string>();
  const bool may_load = expect != "reject" || entry.value("alternatively", "") == "ok";
  const bool must_load = expect == "ok" || expect == "ok_or_clear_error" || expect == "schema_error";
  const auto start = std::chrono::steady_clock::now();
  try {
    const Value root = read_pickle(folder / file);
    EXPECT_TRUE(may_load) << "was read, but: " << entry["must"];
    if (entry.contains("content")) expect_content(root, folder, entry["content"].get<std::string>());
    expect_handmade(root, file);
  } catch (const FormatError& error) {
    EXPECT_FALSE(must_load) << error.what();
    expect_named_fault(error.what(), entry);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));  // the manifest's bound
}

void check_manifest(const std::filesystem::path& folder) {
  const json manifest = load_json(folder / "manifest.json");
  const auto previous = set_log_sink([](LogLevel, const std::string&) {});
  for (const json& entry : manifest["files"]) check_entry(folder, entry);
  set_log_sink(previous);
  EXPECT_GE(manifest["files"].size(), 170U);
}

TEST(PickleManifest, EveryFileOfTheRepositoryGivesWhatItMust) { check_manifest(test::data_file("pickle")); }

TEST(PickleManifest, EveryFileOfTheGoldenFactsGivesWhatItMust) {
  const auto folder = test::shared_file("golden/common/pickle");
  if (!std::filesystem::exists(folder / "manifest.json")) GTEST_SKIP() << folder << " is absent";
  check_manifest(folder);
}

}  // namespace
}  // namespace kuda::io
