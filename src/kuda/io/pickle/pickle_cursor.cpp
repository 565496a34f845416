#include "kuda/io/pickle/pickle_cursor.h"

#include <fmt/format.h>

#include <cstring>

#include "kuda/base/error.h"

namespace kuda::io {

std::string printable(std::string_view text) {
  constexpr std::size_t kLimit = 80;
  std::string result;
  for (const char letter : text.substr(0, kLimit)) {
    if (letter >= ' ' && letter <= '~')
      result += letter;
    else
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
  }
  return text.size() > kLimit ? result + "..." : result;
}

void PickleCursor::fail_at(std::size_t offset, const std::string& message, const std::string& hint) const {
  throw FormatError(fmt::format("{}: byte {}: {}", name_, offset, message), hint);
}

void PickleCursor::advance(std::uint64_t count) {
  if (count > bytes_.size() - position_)
    fail(fmt::format("truncated: needs {} more bytes, the file has {}", count, bytes_.size() - position_));
  if (frame_end_ != 0 && count > frame_end_ - position_) fail("an opcode crosses the end of its frame");
  position_ += static_cast<std::size_t>(count);
}

std::uint8_t PickleCursor::next_opcode() {
  opcode_offset_ = position_;
  if (frame_end_ == position_) frame_end_ = 0;
  return std::to_integer<std::uint8_t>(take(1)[0]);
}

std::span<const std::byte> PickleCursor::take(std::uint64_t count) {
  const std::size_t start = position_;
  advance(count);
  return bytes_.subspan(start, static_cast<std::size_t>(count));
}

std::uint64_t PickleCursor::number(std::size_t bytes) {
  std::uint64_t value = 0;
  const auto digits = take(bytes);
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(digits[i]);
  return value;
}

std::string_view PickleCursor::line() {
  const auto* start = reinterpret_cast<const char*>(bytes_.data()) + position_;
  const std::size_t left = bytes_.size() - position_;
  const void* end = left == 0 ? nullptr : std::memchr(start, '\n', left);
  if (end == nullptr) fail("truncated: a line without end");
  const auto length = static_cast<std::size_t>(static_cast<const char*>(end) - start);
  advance(length + 1);
  return {start, length};
}

void PickleCursor::begin_frame(std::uint64_t length) {
  if (frame_end_ != 0) fail("a frame inside a frame");
  if (length > bytes_.size() - position_)
    fail(fmt::format("truncated: a frame of {} bytes, the file has {} more", length, bytes_.size() - position_));
  frame_end_ = length == 0 ? 0 : position_ + static_cast<std::size_t>(length);
}

}  // namespace kuda::io
