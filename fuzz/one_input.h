#pragma once
// What every fuzz target does: reads the bytes, touches what came out, and lets nothing but a DataError pass.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/io/safetensors.h"

namespace kuda::fuzz {

inline constexpr std::int64_t kMaxTouched = 1 << 16;  // elements, so that expanded arrays do not take the time

/// Reads every element: a sanitizer sees an array that goes beyond its bytes.
inline void touch(const io::Array& array) {
  if (array.numel() <= kMaxTouched) static_cast<void>(array.to_doubles());
  static_cast<void>(array.describe());
}

inline void touch(const io::ArrayFile& file) {
  for (const auto& entry : file.arrays) touch(entry.second);
}

/// read(bytes, owner, name) is a reader of io/. Any exception beside DataError ends the process.
template <class Read>
int one_input(const std::uint8_t* data, std::size_t size, Read read) {
  static const auto previous = set_log_sink([](LogLevel, const std::string&) {});
  try {
    read(std::as_bytes(std::span(data, size)), std::shared_ptr<const void>(), std::string("input"));
  } catch (const DataError&) {
  }
  return 0;
}

}  // namespace kuda::fuzz
