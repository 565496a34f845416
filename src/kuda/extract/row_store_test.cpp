#include "kuda/extract/row_store.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/test_support.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using testing::HasSubstr;

TEST(RowStore, GivesTheRowsBackFromMemoryAndFromItsFile) {
  const auto rows = at::arange(3000, at::kFloat).view({1000, 3});
  for (const std::size_t most : {std::size_t{1} << 20U, std::size_t{500}, std::size_t{0}}) {
    RowStore store(3, most);
    for (std::int64_t from = 0, size = 0; from < 1000; from += size, size = (size + 17) % 60)
      store.append(rows.slice(0, from, from + size));
    EXPECT_EQ(store.rows(), 1000);
    const auto stored = store.finish();
    EXPECT_EQ(stored.array.shape, (std::vector<std::int64_t>{1000, 3}));
    EXPECT_TRUE(io::to_tensor(stored.array).equal(rows));
    EXPECT_EQ(stored.file != nullptr, most < 12000U);
    if (stored.file) stored.file->give_back(stored.array.data, stored.array.data + 12000);
    EXPECT_TRUE(io::to_tensor(stored.array).equal(rows)) << "pages that were given back come again";
  }
}

TEST(RowStore, NoRowsAreAnEmptyArray) {
  const auto stored = RowStore(5).finish();
  EXPECT_EQ(stored.array.shape, (std::vector<std::int64_t>{0, 5}));
}

TEST(RowStore, AFolderThatTakesNoFileIsNamed) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  ::setenv("TMPDIR", "/nowhere/at/all", 1);
  RowStore store(1, 0);
  EXPECT_THAT(test::error_of<Error>([&] {
                store.append(at::zeros({1, 1}));
              }),
              HasSubstr("/nowhere/at/all: features cannot be kept there: No such file or directory"));
  kept.empty() ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

}  // namespace
}  // namespace kuda
