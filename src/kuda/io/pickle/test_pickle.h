#pragma once
// Test support: pickles written by hand, opcode by opcode.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kuda/base/utf8.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda::test {

/// A literal with its zeros.
template <std::size_t N>
std::string raw(const char (&text)[N]) {
  return std::string(text, N - 1);
}

inline std::string little_endian(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xffU);
  return text;
}

inline std::string unicode(std::string_view text) {
  return std::string("X") + little_endian(text.size(), 4) + std::string(text);
}
inline std::string binbytes(std::string_view bytes) {
  return std::string("B") + little_endian(bytes.size(), 4) + std::string(bytes);
}
inline std::string global(std::string_view module, std::string_view name) {
  return std::string("c") + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string long1(std::int64_t value) {
  return std::string("\x8a\x08") + little_endian(static_cast<std::uint64_t>(value), 8);
}

/// numpy.dtype("f4") with its state; order '<' or '>'.
inline std::string dtype(std::string_view text, char order, std::int64_t size = -1) {
  return global("numpy", "dtype") + unicode(text) + "\x89\x88\x87R(K\x03" + unicode(std::string(1, order)) + "NNN" +
         long1(size) + long1(-1) + raw("K\0tb");
}

/// One array; `data` are the opcodes that push its bytes.
inline std::string array(const std::string& type, std::int64_t length, const std::string& data) {
  return global("numpy.core.multiarray", "_reconstruct") + global("numpy", "ndarray") + raw("K\0\x85") + binbytes("b") +
         "\x87R(K\x01" + long1(length) + "\x85" + type + "\x89" + data + "tb";
}

/// The bytes as protocol 2 writes them: Latin-1 text and a call of _codecs.encode.
inline std::string latin1(std::string_view bytes) {
  std::string text;
  for (const char letter : bytes) append_utf8(text, static_cast<unsigned char>(letter));
  return global("_codecs", "encode") + unicode(text) + unicode("latin1") + "\x86R";
}

inline io::Value read_text(const std::string& pickle) {
  const auto owner = std::make_shared<const std::string>(pickle);
  return io::read_pickle(std::as_bytes(std::span(*owner)), owner, "x.pkl");
}

}  // namespace kuda::test
