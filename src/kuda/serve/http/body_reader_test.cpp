#include "kuda/serve/http/body_reader.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace kuda {
namespace {

std::string packed(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string result(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = uInt(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(result.size() - stream.avail_out);
  deflateEnd(&stream);
  return result;
}

std::string gzip(const std::string& text) { return packed(text, MAX_WBITS + 16); }

TEST(BodyReader, WhatIsBeyondTheLimitIsDroppedUpToAsMuchAgain) {
  BodyReader just(10, "");
  EXPECT_TRUE(just.take("12345") && just.take("67890"));
  just.finish(BodyEnd::complete);
  EXPECT_EQ(just.end(), BodyEnd::complete);
  EXPECT_EQ(just.text(), "1234567890");
  BodyReader longer(10, "identity");
  EXPECT_TRUE(longer.take("12345678901") && longer.take("2345678901"));
  EXPECT_FALSE(longer.take("2"));
  longer.finish(BodyEnd::broken);
  EXPECT_EQ(longer.end(), BodyEnd::too_large) << "the first reason stays";
  EXPECT_EQ(longer.text(), "");
}

TEST(BodyReader, PackedBodiesComeInPieces) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i);
  for (const auto& [coding, bytes] : {std::pair("gzip", gzip(text)), std::pair("deflate", packed(text, MAX_WBITS)),
                                      std::pair("deflate", packed(text, -MAX_WBITS))}) {
    BodyReader reader(text.size(), coding);
    for (std::size_t at = 0; at < bytes.size(); at += 999) ASSERT_TRUE(reader.take(bytes.substr(at, 999))) << coding;
    reader.finish(BodyEnd::complete);
    EXPECT_EQ(reader.end(), BodyEnd::complete) << coding;
    EXPECT_EQ(reader.text(), text) << coding;
  }
}

TEST(BodyReader, MembersOfGzipFollowEachOther) {
  const auto two = gzip("a fine ") + gzip("") + gzip("film");
  for (const std::size_t size : {two.size(), std::size_t{1}, gzip("a fine ").size()}) {
    BodyReader reader(1000, "gzip");
    for (std::size_t at = 0; at < two.size(); at += size) ASSERT_TRUE(reader.take(two.substr(at, size))) << size;
    reader.finish(BodyEnd::complete);
    EXPECT_EQ(reader.text(), "a fine film") << "in pieces of " << size;
  }
  BodyReader cut(1000, "gzip");
  EXPECT_TRUE(cut.take(two.substr(0, two.size() - 1)));
  cut.finish(BodyEnd::complete);
  EXPECT_EQ(cut.end(), BodyEnd::broken);
  BodyReader zlib(1000, "deflate");
  EXPECT_FALSE(zlib.take(packed("a", MAX_WBITS) + packed("b", MAX_WBITS)));
}

TEST(BodyReader, ATextThatFillsItsBufferExactlyIsWhole) {
  for (const std::size_t size : {16383, 16384, 16385, 32768}) {
    const std::string text(size, 'x');
    BodyReader reader(100000, "gzip");
    EXPECT_TRUE(reader.take(gzip(text))) << size;
    reader.finish(BodyEnd::complete);
    EXPECT_EQ(reader.text(), text) << size;
  }
}

TEST(BodyReader, AFewPackedBytesDoNotBecomeMany) {
  BodyReader reader(1000, "gzip");
  EXPECT_FALSE(reader.take(gzip(std::string(10'000'000, 'x'))));
  reader.finish(BodyEnd::broken);
  EXPECT_EQ(reader.end(), BodyEnd::too_large);
}

TEST(BodyReader, DamagedPackedBodiesAreBroken) {
  const auto whole = gzip("a fine film");
  const auto end_of = [](const std::string& bytes) {
    BodyReader reader(1000, "gzip");
    reader.take(bytes);
    reader.finish(BodyEnd::complete);
    return reader.end();
  };
  EXPECT_EQ(end_of(whole), BodyEnd::complete);
  EXPECT_EQ(end_of(whole + "x"), BodyEnd::broken);
  EXPECT_EQ(end_of("rubbish"), BodyEnd::broken);
  EXPECT_EQ(end_of(""), BodyEnd::broken);
  for (std::size_t size = 1; size < whole.size(); ++size) EXPECT_EQ(end_of(whole.substr(0, size)), BodyEnd::broken);
}

}  // namespace
}  // namespace kuda
