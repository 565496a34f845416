#pragma once
// Private to the pickle reader: where we are in the bytes. Every length is checked before anything is taken.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kuda::io {

/// A name or text of a file as part of a message: cut at 80 bytes, control characters and non-ASCII as \xhh.
[[nodiscard]] std::string printable(std::string_view text);

class PickleCursor {
 public:
  PickleCursor(std::span<const std::byte> bytes, std::string name, std::size_t start)
      : bytes_(bytes), name_(std::move(name)), position_(start) {}

  /// FormatError "name: byte N: message", N being the opcode that runs.
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    fail_at(opcode_offset_, message, hint);
  }
  [[noreturn]] void fail_at(std::size_t offset, const std::string& message, const std::string& hint = {}) const;

  [[nodiscard]] std::uint8_t next_opcode();
  [[nodiscard]] std::span<const std::byte> take(std::uint64_t count);
  /// An unsigned little-endian number of 1, 2, 4 or 8 bytes.
  [[nodiscard]] std::uint64_t number(std::size_t bytes);
  [[nodiscard]] std::string_view line();  ///< up to \n, which is taken but not returned
  void begin_frame(std::uint64_t length);

  [[nodiscard]] std::size_t opcode_offset() const noexcept { return opcode_offset_; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  void advance(std::uint64_t count);

  std::span<const std::byte> bytes_;
  std::string name_;
  std::size_t position_ = 0, opcode_offset_ = 0;
  std::size_t frame_end_ = 0;  // 0: not in a frame
};

}  // namespace kuda::io
