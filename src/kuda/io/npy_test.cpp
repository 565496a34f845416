#include "kuda/io/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/npz.h"

namespace kuda::io {
namespace {

using test::data_file;
using test::error_of;
using testing::HasSubstr;

const std::vector<double> kBase{0, 0.25, 0.5, 0.75, 1, 1.25};  // make_files.py

std::string bytes_of(const std::string& name) { return read_file(data_file("numpy/" + name)); }

Array parse(const std::string& bytes) {
  const auto owner = std::make_shared<const std::string>(bytes);
  return read_npy(std::as_bytes(std::span(*owner)), owner, "x.npy");
}

std::string npy_error(const std::string& bytes) {
  return error_of<FormatError>([&] { static_cast<void>(parse(bytes)); });
}

TEST(Npy, ReadsEveryNumericType) {
  for (const char* name :
       {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"}) {
    const Array array = read_npy(data_file(std::string("numpy/") + name + ".npy"));
    EXPECT_EQ(dtype_name(array.dtype), name);
    EXPECT_EQ(array.to_doubles(), (std::vector<double>{0, 1, 100})) << name;
  }
  EXPECT_EQ(read_npy(data_file("numpy/bool.npy")).describe(), "[3] bool");
}

TEST(Npy, ReadsOrdersVersionsAndShapes) {
  for (const char* name : {"c_order", "fortran_order", "big_endian", "version_2", "version_3"}) {
    const Array array = read_npy(data_file(std::string("numpy/") + name + ".npy"));
    EXPECT_EQ(array.describe(), "[2, 3] float32") << name;
    EXPECT_EQ(array.to_doubles(), kBase) << name;
  }
  EXPECT_EQ(read_npy(data_file("numpy/fortran_order.npy")).strides, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(read_npy(data_file("numpy/scalar.npy")).to_doubles(), std::vector<double>{2.5});
  EXPECT_EQ(read_npy(data_file("numpy/empty.npy")).describe(), "[0, 3] float32");
}

TEST(Npy, MapsTheFileInsteadOfCopying) {
  const auto bytes = std::make_shared<const std::string>(bytes_of("c_order.npy"));
  const Array array = read_npy(std::as_bytes(std::span(*bytes)), bytes, "x.npy");
  EXPECT_EQ(array.data, reinterpret_cast<const std::byte*>(bytes->data()) + 128);
}

TEST(Npy, RefusesTypesWithoutMeaningByName) {
  for (const auto& [name, fault] : std::map<std::string, std::string>{{"text", "dtype '<U2'"},
                                                                      {"objects", "dtype '|O'"},
                                                                      {"record", "a record dtype"},
                                                                      {"complex", "dtype '<c8'"}})
    EXPECT_THAT(npy_error(bytes_of(name + ".npy")), HasSubstr(fault + " is not supported"));
}

TEST(Npy, NamesTheByteOfEveryFault) {
  const std::string good = bytes_of("c_order.npy");
  EXPECT_THAT(npy_error(""), HasSubstr("x.npy: byte 0: the file is empty"));
  EXPECT_THAT(npy_error("PK\x03\x04"), HasSubstr("x.npy: byte 0: this is not a .npy file"));
  EXPECT_THAT(npy_error(good.substr(0, 9)), HasSubstr("byte 9: truncated"));
  EXPECT_THAT(npy_error(good.substr(0, 60)), HasSubstr("byte 8: truncated: a header of 118 bytes, the file has 50"));
  EXPECT_THAT(npy_error(good.substr(0, 150)),
              HasSubstr("byte 128: truncated: an array of shape [2, 3] needs 24 bytes"));
  EXPECT_THAT(npy_error(good + "x"), HasSubstr("byte 128: an array of shape [2, 3] needs 24 bytes, the file has 25"));
  std::string version = good;
  version[6] = 9;
  EXPECT_THAT(npy_error(version), HasSubstr("byte 6: version 9"));
}

TEST(Npy, RefusesHeadersThatLie) {
  const auto with_shape = [](const std::string& shape) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n";
    std::string bytes = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0';
    return bytes + header + "12345678";
  };
  EXPECT_EQ(parse(with_shape("(2,)")).numel(), 2);
  EXPECT_EQ(parse(with_shape("(2L,)")).numel(), 2);
  EXPECT_THAT(npy_error(with_shape("(4294967296, 4294967296)")), HasSubstr("impossible shape"));
  EXPECT_THAT(npy_error(with_shape("(-2,)")), HasSubstr("impossible shape"));
  EXPECT_THAT(npy_error(with_shape("(99999999999999999999,)")), HasSubstr("expected a dimension"));
  EXPECT_THAT(npy_error(with_shape("(2")), HasSubstr("byte 64: expected a dimension"));
  EXPECT_THAT(npy_error(with_shape("(2,), 'shape': (2,)")), HasSubstr("unexpected key 'shape'"));
  EXPECT_THAT(npy_error(with_shape("(2,)} x")), HasSubstr("text after the header's dict"));
  EXPECT_THAT(npy_error(with_shape("__import__('os')")), HasSubstr("expected '('"));
}

TEST(Npz, ReadsStoredAndDeflatedMembers) {
  for (const char* name : {"stored", "deflated"}) {
    const ArrayFile file = read_npz(data_file(std::string("numpy/") + name + ".npz"));
    EXPECT_EQ(file.at("audio").to_doubles(), kBase) << name;
    EXPECT_EQ(file.at("labels").to_integers("labels"), (std::vector<std::int64_t>{1, -2})) << name;
  }
  EXPECT_EQ(read_npz(data_file("numpy/deflated.npz")).at("zeros").describe(), "[50, 40] float64");
}

TEST(Npz, MapsStoredMembersInsteadOfCopying) {
  const auto bytes = std::make_shared<const std::string>(bytes_of("stored.npz"));
  const ArrayFile file = read_npz(std::as_bytes(std::span(*bytes)), bytes, "x.npz");
  const auto* first = reinterpret_cast<const std::byte*>(bytes->data());
  EXPECT_GE(file.at("audio").data, first);
  EXPECT_LT(file.at("audio").data, first + bytes->size());
}

TEST(Npz, LeavesOutTextMembersAndSaysWhy) {
  const ArrayFile file = read_npz(data_file("numpy/mixed.npz"));
  EXPECT_EQ(file.arrays.size(), 1U);
  EXPECT_THAT(file.metadata.at("ids"), HasSubstr("dtype '<U5' is not supported"));
  EXPECT_THAT(error_of<FormatError>([&] { static_cast<void>(file.at("audi")); }), HasSubstr("did you mean 'audio'"));
}

TEST(Npz, NamesTheMemberOfEveryFault) {
  const auto error = [](std::string bytes) {
    const auto owner = std::make_shared<const std::string>(std::move(bytes));
    return error_of<FormatError>(
        [&] { static_cast<void>(read_npz(std::as_bytes(std::span(*owner)), owner, "x.npz")); });
  };
  EXPECT_THAT(error(bytes_of("bzip2.npz")), HasSubstr("x.npz: member 'audio.npy': compression method 12"));
  EXPECT_THAT(error(bytes_of("twice.npz")), HasSubstr("x.npz: member 'audio.npy': comes twice"));
  EXPECT_THAT(error("not a zip"), HasSubstr("x.npz: byte 0: not a readable zip archive"));
  const std::string good = bytes_of("stored.npz");
  EXPECT_THAT(error(good.substr(0, good.size() / 2)), HasSubstr("not a readable zip archive"));
  std::string damaged = good;
  damaged[170] = static_cast<char>(damaged[170] ^ 1);  // a number of the first array
  EXPECT_THAT(error(damaged), HasSubstr("member 'audio.npy': is damaged: the CRC does not fit"));
  std::string packed = bytes_of("deflated.npz");
  packed[60] = static_cast<char>(packed[60] ^ 1);
  EXPECT_THAT(error(packed), HasSubstr("member 'audio.npy': "));
}

}  // namespace
}  // namespace kuda::io
