#include "kuda/io/pickle/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/io/pickle/test_pickle.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;
using test::error_of;
using test::read_text;
using testing::HasSubstr;

std::string pickle_error(const std::string& pickle) {
  return error_of<FormatError>([&] { static_cast<void>(read_text(pickle)); });
}

TEST(Pickle, TruncationsOfValidFilesAreRefused) {
  for (const char* name : {"sims_p0", "sims_p1", "sims_p2_np1", "sims_p4_np2", "sims_p5_np2", "strings_p3_np2",
                           "scalars_p2_np1", "shared_twice", "sims_python2_style"}) {
    const std::string bytes = read_file(test::data_file(std::string("pickle/") + name + ".pkl"));
    for (std::size_t length = 0; length < bytes.size(); length += 1 + bytes.size() / 2000)
      EXPECT_THROW(static_cast<void>(read_text(bytes.substr(0, length))), FormatError) << name << " cut at " << length;
  }
}

TEST(Pickle, RawArrayBytesStayInTheFile) {
  const auto bytes = std::make_shared<const std::string>(read_file(test::data_file("pickle/orders_p4_np2.pkl")));
  const Value root = read_pickle(std::as_bytes(std::span(*bytes)), bytes, "x.pkl");
  const auto* first = reinterpret_cast<const std::byte*>(bytes->data());
  for (const char* key : {"c_f32", "fortran_f32", "large"}) {
    EXPECT_GE(root.find(key)->array().data, first) << key;
    EXPECT_LT(root.find(key)->array().data, first + bytes->size()) << key;
  }
  EXPECT_EQ(root.find("fortran_f32")->array().strides, (std::vector<std::int64_t>{1, 4, 12}));
}

TEST(Pickle, ValuesOutliveTheReader) {
  const auto path = test::scratch("array.pkl");
  write_file(path,
             "\x80\x02" + test::array(test::dtype("f4", '>'), 1, test::binbytes(test::raw("\x3f\x80\0\0"))) + ".");
  const Value root = read_pickle(path);
  std::filesystem::remove(path);
  EXPECT_EQ(root.array().to_doubles(), std::vector<double>{1.0});
}

TEST(Pickle, ADoubledKeyKeepsItsFirstPlaceAndItsLastValue) {
  const Value root = read_text("\x80\x02}(" + test::unicode("a") + "K\x01" + test::unicode("b") + "K\x02" +
                               test::unicode("a") + "K\x03\x88K\x04K\x01K\x05u.");
  ASSERT_EQ(root.size(), 3U);
  EXPECT_EQ(root.entries()[0].second.integer(), 3);
  EXPECT_EQ(root.find("a")->integer(), 3);
  EXPECT_EQ(root.entries()[2].second.integer(), 5) << "True and 1 are one key";
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(Pickle, Python2StringsAreTextWhereTheyCanBe) {
  const Value root = read_text("\x80\x02(U\x02\xc3\xa9U\x01\xe9S'a\\n\\xe2\\x82\\xac\\101'\nS\"q'\"\nt.");
  EXPECT_EQ(root[0].kind(), Kind::text);
  EXPECT_EQ(root[0].text(), "\xc3\xa9");
  EXPECT_EQ(root[1].kind(), Kind::bytes);
  EXPECT_EQ(root[1].text(), "\xe9");
  EXPECT_EQ(root[2].text(),
            "a\n\xe2\x82\xac"
            "A");
  EXPECT_EQ(root[3].text(), "q'");
  EXPECT_THAT(pickle_error("S'a\n."), HasSubstr("byte 0: a string without quotes"));
  EXPECT_THAT(pickle_error("S'\\q'\n."), HasSubstr("byte 0: a malformed escape"));
}

TEST(Pickle, ProtocolZeroTextKnowsItsEscapes) {
  const Value root = read_text("(V\xe9\\u20ac\\U0001F600\\n\\\\u0041\nVA\\u005c\nt.");
  EXPECT_EQ(root[0].text(), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\n\\\\u0041");
  EXPECT_EQ(root[1].text(), "A\\");
  EXPECT_THAT(pickle_error("V\\u20\n."), HasSubstr("byte 0: a malformed \\u escape"));
}

TEST(Pickle, IntegersOfEveryOpcode) {
  const Value root =
      read_text(test::raw("(I-7\nI01\nL123L\nJ\xff\xff\xff\xffM\x00\x01\x8a\x00\x8a\x01\x80\x8a\x09"
                          "\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x8b\x02\x00\x00\x00\x00\x80t."));
  EXPECT_EQ(root[0].integer(), -7);
  EXPECT_TRUE(root[1].boolean());
  EXPECT_EQ(root[2].integer(), 123);
  EXPECT_EQ(root[3].integer(), -1);
  EXPECT_EQ(root[4].integer(), 256);
  EXPECT_EQ(root[5].integer(), 0);
  EXPECT_EQ(root[6].integer(), -128);
  EXPECT_EQ(root[7].integer(), INT64_MAX);
  EXPECT_EQ(root[8].integer(), -32768);
  EXPECT_THAT(pickle_error(test::raw("\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00.")),
              HasSubstr("more than 64 bits"));
  EXPECT_THAT(pickle_error("L99999999999999999999L\n."), HasSubstr("more than 64 bits"));
  EXPECT_THAT(pickle_error("L9x\n."), HasSubstr("byte 0: '9x' is no integer"));
  EXPECT_EQ(read_text("(L99999999999999999999L\nI1\nt.")[0].kind(), Kind::object) << "left out";
}

TEST(Pickle, FloatsOfEveryOpcode) {
  const Value root = read_text(test::raw("(F0.1\nF-inf\nF1e-05\nG\x3f\xb9\x99\x99\x99\x99\x99\x9at."));
  EXPECT_EQ(root[0].real(), 0.1);
  EXPECT_TRUE(std::isinf(root[1].real()));
  EXPECT_EQ(root[2].real(), 1e-05);
  EXPECT_EQ(root[3].real(), 0.1);
}

TEST(Pickle, TransposedBuffersOfNumpy2KeepTheirAxes) {
  // _frombuffer(data, dtype, shape of the transposed array, "K", axes)
  const std::string pickle = "\x80\x05" + test::global("numpy._core.numeric", "_frombuffer") + "(" +
                             test::binbytes(test::raw("\0\1\2\3\4\5")) + test::dtype("u1", '|') +
                             test::raw("K\3K\2\x86") + test::unicode("K") + test::raw("K\1K\0\x86tR.");
  const Value root = read_text(pickle);
  EXPECT_EQ(root.array().shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(root.array().to_doubles(), (std::vector<double>{0, 2, 4, 1, 3, 5}));
  std::string twice = pickle;
  twice.replace(twice.find(test::raw("K\1K\0\x86tR")), 4, test::raw("K\0K\0"));
  EXPECT_THAT(pickle_error(twice), HasSubstr("axes are no permutation"));
}

TEST(Pickle, BytesOfABigEndianArrayCanBeUsedAgain) {
  // The same memoised bytes as two big-endian arrays: swapped once, and once only.
  const std::string data = test::latin1(test::raw("\0\1\0\2")) + "q\x01";
  const Value root = read_text("\x80\x02(" + test::array(test::dtype("i2", '>'), 2, data) +
                               test::array(test::dtype("i2", '>'), 2, "h\x01") + "t.");
  EXPECT_EQ(root[0].array().to_doubles(), (std::vector<double>{1, 2}));
  EXPECT_EQ(root[1].array().to_doubles(), (std::vector<double>{1, 2}));
  EXPECT_EQ(root[0].array().data, root[1].array().data);
}

TEST(Pickle, ABigEndianArrayLeavesTheBytesOfAnotherAlone) {
  const std::string data = test::latin1(test::raw("\0\1\0\2")) + "q\x01";
  const Value root = read_text("\x80\x02(" + test::array(test::dtype("i2", '<'), 2, data) +
                               test::array(test::dtype("i2", '>'), 2, "h\x01") + "t.");
  EXPECT_EQ(root[0].array().to_doubles(), (std::vector<double>{256, 512}));
  EXPECT_EQ(root[1].array().to_doubles(), (std::vector<double>{1, 2}));
}

TEST(Pickle, EmptyArraysOfAnyByteOrderShareOneBytesObject) {  // found by comparing random files with Python
  const std::string data = test::binbytes("") + "q\x01";
  const Value root = read_text("\x80\x02(" + test::array(test::dtype("i2", '>'), 0, data) +
                               test::array(test::dtype("f8", '<'), 0, "h\x01") + "h\x01t.");
  EXPECT_EQ(root[0].array().describe(), "[0] int16");
  EXPECT_EQ(root[1].array().describe(), "[0] float64");
  EXPECT_EQ(root[2].text(), "");
}

TEST(Pickle, BytesAfterTheEndAreIgnoredWithAWarning) {
  std::string warning;
  const auto previous = set_log_sink([&](LogLevel, const std::string& message) { warning = message; });
  EXPECT_EQ(read_text("\x80\x02K\x07.abc").integer(), 7);
  set_log_sink(previous);
  EXPECT_EQ(warning, "x.pkl: 3 bytes after the end of the pickle are ignored");
}

TEST(Pickle, AGlobalIsNoValue) {
  const Value root = read_text("\x80\x02]" + test::global("numpy", "dtype") + "a.");
  EXPECT_EQ(root[0].kind(), Kind::object);
  EXPECT_EQ(root[0].text(), "numpy.dtype");
  EXPECT_THAT(pickle_error("\x80\x02" + test::global("numpy", "ndarray") + ")R."),
              HasSubstr("refused: the file is numpy.ndarray"));
}

TEST(Pickle, NamesInMessagesAreMadePrintable) {
  EXPECT_THAT(pickle_error("c\x1b[2J\nevil\n."), HasSubstr("refused global \\x1b[2J.evil"));
  EXPECT_THAT(pickle_error("c" + std::string(500, 'a') + "\nb\n."), HasSubstr(std::string(80, 'a') + "..."));
}

/// One text of a million characters, taken for an array of text again and again.
TEST(Pickle, SmallFilesCannotAskForMuchMemory) {
  const std::size_t length = 1 << 20;
  std::string pickle =
      "\x80\x02" + test::binbytes(std::string(length, 'a')) + "q\x01" + test::dtype("S1", '|', 1) + "q\x02]";
  for (int i = 0; i < 1000; ++i) pickle += test::array("h\x02", std::int64_t{1} << 20, "h\x01") + "a";
  EXPECT_THAT(pickle_error(pickle + "."), HasSubstr("far more memory than it holds bytes"));
  // Items of no size: as many as one likes, from nothing.
  EXPECT_THAT(pickle_error("\x80\x02" +
                           test::array(test::dtype("S0", '|', 0), std::int64_t{1} << 40, test::binbytes("")) + "."),
              HasSubstr("far more memory than it holds bytes"));
  // A million empty lists and marks are more than their bytes are worth, a thousand are not.
  EXPECT_EQ(read_text("\x80\x02(" + std::string(1000, ']') + "t.").size(), 1000U);
  EXPECT_THAT(pickle_error("\x80\x02(" + std::string(2 << 20, ']') + "t."),
              HasSubstr("far more memory than it holds bytes"));
}

TEST(Value, AccessorsNameTheKindTheyFound) {
  const Value root = read_text("\x80\x02](K\x01Ne.");
  try {
    static_cast<void>(root.text());
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "expected text, found list");
  }
  EXPECT_THROW(static_cast<void>(root[2]), DataError);
  EXPECT_THROW(static_cast<void>(root.find("x")), DataError);
  EXPECT_THROW(static_cast<void>(root.entries()), DataError);
  EXPECT_THROW(static_cast<void>(root[0].boolean()), DataError);
  EXPECT_THROW(static_cast<void>(root[1].integer()), DataError);
  EXPECT_THROW(static_cast<void>(root.array()), DataError);
  EXPECT_THROW(static_cast<void>(root.object_shape()), DataError);
  EXPECT_EQ(root[0].real(), 1.0) << "integers are numbers";
}

}  // namespace
}  // namespace kuda::io
