#include "kuda/io/array.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "kuda/base/error.h"
#include "kuda/io/layout.h"

namespace kuda::io {
namespace {

/// A view of raw items of a type.
template <class T>
Array view_of(DType dtype, const std::vector<T>& items) {
  Array array;
  array.dtype = dtype;
  array.shape = {static_cast<std::int64_t>(items.size())};
  array.strides = {1};
  const auto owned = std::make_shared<const std::vector<T>>(items);
  array.data = reinterpret_cast<const std::byte*>(owned->data());
  array.owner = owned;
  return array;
}

TEST(Array, DescribesShapeAndType) {
  const Array array = make_array({2, 3}, std::vector<double>(6, 1.0));
  EXPECT_EQ(array.describe(), "[2, 3] float64");
  EXPECT_EQ(array.numel(), 6);
  EXPECT_TRUE(array.is_contiguous());
}

TEST(Array, RefusesValuesThatDoNotFitTheShape) {
  EXPECT_THROW(static_cast<void>(make_array({2, 3}, std::vector<float>(5))), ShapeError);
}

TEST(Array, ListsStridedElementsInCOrder) {
  Array array = make_array({2, 3}, std::vector<std::int64_t>{0, 1, 2, 3, 4, 5});
  array.shape = {3, 2};
  array.strides = {1, 3};  // the transpose
  EXPECT_FALSE(array.is_contiguous());
  EXPECT_EQ(array.to_doubles(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  const Array plain = make_contiguous(array);
  EXPECT_EQ(plain.strides, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(plain.to_integers("x"), (std::vector<std::int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(Array, ReadsHalfPrecisionExactly) {
  const Array half = view_of<std::uint16_t>(DType::f16, {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x7e00});
  const auto values = half.to_doubles();
  EXPECT_EQ(values[0], 1.0);
  EXPECT_EQ(values[1], -2.0);
  EXPECT_EQ(values[2], std::ldexp(1.0, -24));
  EXPECT_EQ(values[3], 65504.0);
  EXPECT_TRUE(values[4] == 0.0 && std::signbit(values[4]));
  EXPECT_TRUE(std::isinf(values[5]));
  EXPECT_TRUE(std::isnan(values[6]));
  EXPECT_EQ(view_of<std::uint16_t>(DType::bf16, {0x3f80, 0xc2c8}).to_doubles(), (std::vector<double>{1.0, -100.0}));
}

TEST(Array, NamesTheElementThatIsNoInteger) {
  const Array array = make_array({3}, std::vector<double>{1, 2.5, 3});
  try {
    static_cast<void>(array.to_integers("train.audio_lengths"));
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "train.audio_lengths: element 1: expected an integer, found 2.5");
  }
  EXPECT_THROW(static_cast<void>(make_array({1}, std::vector<double>{NAN}).to_integers("x")), DataError);
  EXPECT_THROW(static_cast<void>(make_array({1}, std::vector<double>{1e300}).to_integers("x")), DataError);
  EXPECT_THROW(static_cast<void>(view_of<std::uint64_t>(DType::u64, {1ULL << 63U}).to_integers("x")), DataError);
  EXPECT_EQ(make_array({1}, std::vector<std::int64_t>{INT64_MIN}).to_integers("x")[0], INT64_MIN);
}

TEST(Layout, CountsElementsWithoutOverflow) {
  EXPECT_EQ(checked_numel({}, 8), 1);
  EXPECT_EQ(checked_numel({2, 3}, 8), 6);
  EXPECT_EQ(checked_numel({0, 3}, 8), 0);
  EXPECT_EQ(checked_numel({-1}, 1), std::nullopt);
  EXPECT_EQ(checked_numel({std::int64_t{1} << 32, std::int64_t{1} << 32}, 1), std::nullopt);
  EXPECT_EQ(checked_numel({std::int64_t{1} << 61}, 8), std::nullopt);
  EXPECT_EQ(checked_numel({0, std::int64_t{1} << 32, std::int64_t{1} << 32}, 1), std::nullopt)
      << "strides would overflow";
}

TEST(Layout, ParsesNumpyTypes) {
  EXPECT_EQ(parse_numpy_type("<f4")->dtype, DType::f32);
  EXPECT_TRUE(parse_numpy_type(">i8")->is_big_endian);
  EXPECT_EQ(parse_numpy_type("|b1")->dtype, DType::boolean);
  EXPECT_EQ(parse_numpy_type("U20")->item_size, 80U);
  EXPECT_EQ(parse_numpy_type("S3")->kind, NumpyType::Kind::bytes);
  EXPECT_EQ(parse_numpy_type("O")->kind, NumpyType::Kind::object);
  for (const char* text : {"", "<", "f3", "c8", "V4", "M8[ns]", "f4x", "U99999999999", "f-4"})
    EXPECT_EQ(parse_numpy_type(text).has_value(), false) << text;
}

}  // namespace
}  // namespace kuda::io
