#include "kuda/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda::io {
namespace {

using test::error_of;
using testing::HasSubstr;

std::string with_header(const std::string& header, const std::string& data) {
  std::string bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

ArrayFile parse_tensors(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return read_safetensors(std::as_bytes(std::span(*owner)), owner, "x.safetensors");
}

std::string safetensors_error(const std::string& header, const std::string& data = "12345678") {
  return error_of<FormatError>([&] { static_cast<void>(parse_tensors(with_header(header, data))); });
}

TEST(Safetensors, ReadsBackWhatItWrites) {
  std::map<std::string, Array> arrays{{"b.weight", make_array({2, 2}, std::vector<float>{1, 2, 3, 4})},
                                      {"a.lengths", make_array({3}, std::vector<std::int64_t>{7, -8, 9})},
                                      {"scalar", make_array({}, std::vector<double>{0.5})},
                                      {"empty", make_array({0, 3}, std::vector<float>{})}};
  arrays["transposed"] = arrays["b.weight"];
  arrays["transposed"].strides = {1, 2};
  const auto path = test::scratch("file.safetensors");
  write_safetensors(path, arrays, {{"source", "a \"test\" \xE6\xB1\x89"}});
  const ArrayFile file = read_safetensors(path);
  ASSERT_EQ(file.arrays.size(), arrays.size());
  for (const auto& [key, array] : arrays) {
    EXPECT_EQ(file.at(key).describe(), array.describe()) << key;
    EXPECT_EQ(file.at(key).to_doubles(), array.to_doubles()) << key;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.at(key).data) % item_size(array.dtype), 0U) << key;
  }
  EXPECT_EQ(file.metadata.at("source"), "a \"test\" \xE6\xB1\x89");
}

TEST(Safetensors, SameContentGivesTheSameBytes) {
  const std::map<std::string, Array> arrays{{"x", make_array({2}, std::vector<float>{1, 2})},
                                            {"y", make_array({1}, std::vector<std::int64_t>{3})}};
  const auto first = test::scratch("1.safetensors"), second = test::scratch("2.safetensors");
  write_safetensors(first, arrays);
  write_safetensors(second, arrays);
  const std::string bytes = read_file(first);
  EXPECT_EQ(bytes, read_file(second));
  EXPECT_EQ(static_cast<unsigned char>(bytes[0]) % 8, 0) << "the header's length, padded so that data are aligned";
}

TEST(Safetensors, NamesTheNearestKey) {
  const ArrayFile file =
      parse_tensors(with_header(R"({"bert.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "12345678"));
  const auto message = error_of<FormatError>([&] { static_cast<void>(file.at("bert.wieght")); });
  EXPECT_THAT(message, HasSubstr("x.safetensors: no array 'bert.wieght'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'bert.weight'"));
}

TEST(Safetensors, RefusesDamagedHeaders) {
  EXPECT_THAT(error_of<FormatError>([] { static_cast<void>(parse_tensors("123")); }), HasSubstr("byte 0: truncated"));
  EXPECT_THAT(error_of<FormatError>([] { static_cast<void>(parse_tensors(std::string(8, '\xff'))); }),
              HasSubstr("byte 0: a header of"));
  EXPECT_THAT(error_of<FormatError>([] { static_cast<void>(parse_tensors(std::string("\x20\0\0\0\0\0\0\0{}", 10))); }),
              HasSubstr("byte 8: truncated: a header of 32 bytes, the file has 2"));
  EXPECT_THAT(safetensors_error("[]"), HasSubstr("byte 8: the header does not start with '{'"));
  EXPECT_THAT(safetensors_error("{\"x\":"), HasSubstr("the header is not JSON"));
  EXPECT_THAT(safetensors_error("{\"x\":[[[[[[1]]]]]]}"), HasSubstr("nested too deep"));
  EXPECT_THAT(safetensors_error(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":1})"),
              HasSubstr("key 'x' comes twice"));
  EXPECT_THAT(safetensors_error(R"({"__metadata__":{"a":1}})"), HasSubstr("'a' is not text"));
}

TEST(Safetensors, RefusesArraysThatLie) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return safetensors_error("{\"x\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
                             "}}");
  };
  EXPECT_THAT(entry("F8_E4M3", "[8]", "[0,8]"), HasSubstr("header key 'x': dtype 'F8_E4M3' is not supported"));
  EXPECT_THAT(entry("F8_E4M3", "[8]", "[0,8]"), HasSubstr("x.float() for k, x in load_file('"));
  EXPECT_THAT(entry("F32", "[3]", "[0,8]"), HasSubstr("[3] float32 needs 12 bytes, data_offsets give 8"));
  EXPECT_THAT(entry("F32", "[2]", "[0,16]"), HasSubstr("go beyond the 8 data bytes"));
  EXPECT_THAT(entry("F32", "[2]", "[8,0]"), HasSubstr("expected [begin, end]"));
  EXPECT_THAT(entry("F32", "[-2]", "[0,8]"), HasSubstr("shape: expected a whole number"));
  EXPECT_THAT(entry("F32", "[2.0]", "[0,8]"), HasSubstr("shape: expected a whole number"));
  EXPECT_THAT(entry("F32", "[4294967296,4294967296]", "[0,8]"), HasSubstr("impossible shape"));
  EXPECT_THAT(entry("F32", "[99999999999999999999]", "[0,8]"), HasSubstr("shape: expected a whole number"));
  EXPECT_THAT(entry("BOOL", "[8]", "[0,8]"), HasSubstr("BOOL with bytes beyond 0 and 1"));
  EXPECT_THAT(entry("F32", "[1]", "[4,8]"), HasSubstr("4 bytes belong to no array"));
  EXPECT_THAT(entry("F32", "[1]", "[0,4]"), HasSubstr("4 bytes belong to no array"));
  EXPECT_THAT(safetensors_error("{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}"), HasSubstr("expected an object with"));
}

TEST(Safetensors, RefusesOverlappingArrays) {
  EXPECT_THAT(
      safetensors_error(
          R"({"x":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},"y":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})"),
      HasSubstr("two arrays overlap"));
}

TEST(Safetensors, WriterRefusesTheReservedName) {
  const auto path = test::scratch("file.safetensors");
  EXPECT_THROW(write_safetensors(path, {{"__metadata__", make_array({1}, std::vector<float>{1})}}), DataError);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace kuda::io
