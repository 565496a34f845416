// Frames that stay in the feature file are those that a reading of the whole file gives, and so is everything else.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/data/frames_in_file.h"
#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/test_data.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using test::CaughtLog;
using test::scratch;
using testing::HasSubstr;

bool are_equal(const torch::Tensor& a, const torch::Tensor& b) {
  const auto left = a.contiguous(), right = b.contiguous();
  return a.sizes() == b.sizes() && (left.numel() == 0 || std::memcmp(left.const_data_ptr(), right.const_data_ptr(),
                                                                     left.nbytes()) == 0);  // NaN too
}

void expect_same_features(const Dataset& found, const Dataset& expected) {
  for (const Modality modality : kModalities) {
    const auto &a = found.feature(modality), &b = expected.feature(modality);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) continue;
    EXPECT_EQ(a->offsets, b->offsets);
    EXPECT_EQ(a->lengths, b->lengths);
    EXPECT_EQ(a->padded_length, b->padded_length);
    EXPECT_EQ(a->width(), b->width());
    EXPECT_EQ(a->extractor, b->extractor);
    for (std::int64_t row = 0; row < std::int64_t(found.clips.size()); ++row)
      EXPECT_TRUE(are_equal(a->clip(row), b->clip(row))) << modality_name(modality) << " " << row;
  }
}

void expect_same_facts(const Dataset& found, const Dataset& expected) {
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.language, expected.language);
  EXPECT_EQ(found.family, expected.family);
  EXPECT_EQ(found.is_aligned, expected.is_aligned);
  EXPECT_EQ(found.fingerprint, expected.fingerprint);
  EXPECT_EQ(found.features_digest, expected.features_digest);
  EXPECT_EQ(found.source_sha256, expected.source_sha256);
  for (const Modality modality : kModalities)
    if (const auto& feature = found.feature(modality))
      EXPECT_EQ(int(feature->finite), int(expected.feature(modality)->finite));
}

/// What opening a file comes to: its data set, or the error; and the log.
struct Outcome {
  std::optional<Dataset> data;
  std::string error, log;
};

template <class Open>
Outcome outcome_of(Open open) {
  Outcome outcome;
  const CaughtLog log;
  try {
    outcome.data = open();
  } catch (const Error& error) {
    outcome.error = error.message() + " / " + error.hint();
  }
  outcome.log = log.text();
  return outcome;
}

TEST(MmsaOnDemand, EveryFileGivesWhatAReadingOfTheWholeFileGives) {
  int stay = 0, errors = 0;
  for (const char* folder : {"pickle", "mmsa"})
    for (const auto& entry : fs::directory_iterator(test::data_file(folder))) {
      const auto& path = entry.path();
      if (path.extension() != ".pkl") continue;
      SCOPED_TRACE(path.filename().string());
      const auto whole = outcome_of([&] { return read_mmsa(path); });
      const auto found = outcome_of([&] {
        auto data = read_mmsa_on_demand(path);
        if (!is_unread(data)) return data;
        ++stay;
        EXPECT_EQ(data.fingerprint, "") << "nobody has asked for it";
        const auto before = data;
        read_whole(data);
        EXPECT_FALSE(is_unread(data));
        expect_same_features(before, data);
        for (const auto& feature : {data.text_features, data.vision, data.audio})
          if (feature) EXPECT_TRUE(feature->values.is_meta()) << "they are still in the file";
        return data;
      });
      EXPECT_EQ(found.error, whole.error);
      EXPECT_EQ(found.log, whole.log);
      ASSERT_EQ(found.data.has_value(), whole.data.has_value());
      errors += whole.data ? 0 : 1;
      if (!whole.data) continue;
      expect_same_features(*found.data, *whole.data);
      expect_same_facts(*found.data, *whole.data);
      for (const Modality modality : kModalities)
        if (const auto& feature = found.data->feature(modality))
          EXPECT_TRUE(are_equal(packed(*feature), whole.data->feature(modality)->values));
      expect_same_features(*found.data, *whole.data);  // which are views now
    }
  EXPECT_GT(stay, 20) << "else this test compares a reader with itself";
  EXPECT_GT(errors, 50);
}

TEST(MmsaOnDemand, AFileThatEndsTooSoonIsRefusedWhenItIsOpened) {
  const auto content = read_file(test::data_file("mmsa/plain.pkl"));
  const auto path = scratch("cut.pkl");
  for (std::size_t size = 1; size < content.size(); size += 97) {
    write_file(path, content.substr(0, size));
    const auto whole = outcome_of([&] { return read_mmsa(path); });
    const auto found = outcome_of([&] { return read_mmsa_on_demand(path); });
    EXPECT_NE(whole.error, "") << size;
    EXPECT_EQ(found.error, whole.error) << size;
  }
}

TEST(MmsaOnDemand, AnotherFileOfTheSameNameChangesNothing) {
  const auto path = scratch("set.pkl");
  fs::copy_file(test::data_file("mmsa/plain.pkl"), path);
  const Dataset expected = read_mmsa(path);
  Dataset data = read_mmsa_on_demand(path);
  ASSERT_TRUE(is_unread(data));
  write_file(path, read_file(test::data_file("mmsa/ragged.pkl")));  // by a rename
  ASSERT_NE(read_mmsa(path).fingerprint, expected.fingerprint);
  expect_same_features(data, expected);
  read_whole(data);
  expect_same_facts(data, expected);
}

TEST(MmsaOnDemand, CopiesShareWhatIsReadAndWrittenTo) {
  const Dataset data = read_mmsa_on_demand(test::data_file("mmsa/plain.pkl"));
  ASSERT_TRUE(is_unread(data));
  const Dataset copy = data;
  packed(*data.audio).fill_(7);
  EXPECT_EQ(copy.audio->clip(2).min().item<float>(), 7);
  auto read = data;
  read_whole(read);
  EXPECT_EQ(read.fingerprint, read_mmsa(data.source).fingerprint) << "as it was opened";
}

TEST(MmsaOnDemand, IsWrittenAsAPreparedFolder) {
  const auto path = test::data_file("mmsa/plain.pkl");
  write_prepared(scratch("whole"), read_mmsa(path));
  write_prepared(scratch("on_demand"), read_mmsa_on_demand(path));
  for (const char* name : {"dataset.toml", "clips.csv", "features.safetensors"})
    EXPECT_EQ(read_file(scratch("on_demand") / name), read_file(scratch("whole") / name)) << name;
}

}  // namespace
}  // namespace kuda
