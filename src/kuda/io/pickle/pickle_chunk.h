#pragma once
// Private to the pickle reader: text or bytes that are still in the file. Most are array data and must never become
// a string first; each is decoded once, when its use is known.

#include <memory>
#include <span>
#include <string>

#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {

/// What such text is left out as: half of a pair of UTF-16 code units alone, which UTF-8 has no bytes for.
inline constexpr const char* kLoneSurrogate = "text with a lone surrogate";

class PickleChunk : public ValueAccess::Opaque {
 public:
  enum class Encoding {
    bytes,        ///< bytes and bytearray objects
    python2,      ///< str of Python 2: text where it is UTF-8, else bytes
    quoted,       ///< the same as a Python literal with escapes (protocol 0)
    utf8,         ///< text
    raw_unicode,  ///< text as Latin-1 with \\uXXXX escapes (protocol 0)
  };
  PickleChunk(std::span<const std::byte> stored, Encoding encoding, std::shared_ptr<const void> owner)
      : stored_(stored), encoding_(encoding), owner_(std::move(owner)) {}

  [[nodiscard]] std::string describe() const override { return is_text() ? "text" : "bytes"; }
  /// Text or bytes as a plain value, made once and shared.
  [[nodiscard]] Value settle(PickleMachine& machine) override;
  [[nodiscard]] bool is_text() const noexcept {
    return encoding_ == Encoding::utf8 || encoding_ == Encoding::raw_unicode;
  }
  /// The raw bytes of a bytes object, in the file where they lie there. Fails on text.
  [[nodiscard]] ByteView raw(PickleMachine& machine);
  /// raw() with the bytes of each item of `size` reversed (1: raw() itself): one copy, or none where raw() is a
  /// private buffer already.
  [[nodiscard]] ByteView swapped(PickleMachine& machine, std::size_t size);
  /// The bytes object that encode(text, "latin1") gives, made once.
  [[nodiscard]] const std::shared_ptr<PickleChunk>& encode_latin1(PickleMachine& machine);

 private:
  [[nodiscard]] std::string_view stored_text() const noexcept {
    return {reinterpret_cast<const char*>(stored_.data()), stored_.size()};
  }
  [[nodiscard]] const std::shared_ptr<Buffer>& unquoted(PickleMachine& machine);
  [[nodiscard]] std::shared_ptr<Buffer> latin1_of_utf8(PickleMachine& machine) const;
  [[nodiscard]] std::shared_ptr<Buffer> latin1_of_escapes(PickleMachine& machine) const;
  [[nodiscard]] Value lone_surrogate(PickleMachine& machine) const;

  std::span<const std::byte> stored_;
  Encoding encoding_;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<Buffer> buffer_;  // decoded from quotes or Latin-1, or swapped
  bool is_given_out_ = false;       // somebody holds a view of the plain bytes
  std::size_t swapped_size_ = 0;    // buffer_ holds items of this size in native order
  std::shared_ptr<PickleChunk> latin1_;
  Value settled_;
};

}  // namespace kuda::io
