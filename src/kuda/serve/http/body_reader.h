#pragma once
// A body as it comes, unpacked, within its limit.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "kuda/serve/http/message.h"

namespace kuda {

class BodyReader {
 public:
  /// At most `most` bytes, unpacked. `coding`: that of the content (header_values.h), one that `knows` knows.
  BodyReader(std::size_t most, std::string_view coding);
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;
  ~BodyReader();
  /// gzip, deflate, identity, or none.
  [[nodiscard]] static bool knows(std::string_view coding);

  /// False: no more of it. What goes beyond the limit is dropped, up to as much again, so that the connection can carry
  /// the next request.
  bool take(std::string_view piece);
  /// Nothing more comes. `end`: why it ended.
  void finish(BodyEnd end);
  [[nodiscard]] BodyEnd end() const noexcept { return end_; }
  /// What was read; empty unless `end` is complete.
  [[nodiscard]] std::string& text() noexcept { return text_; }

 private:
  struct Unpacking;
  bool add(std::string_view piece);
  bool unpack(std::string_view piece);

  std::size_t most_;
  std::size_t bytes_ = 0;  ///< unpacked
  BodyEnd end_ = BodyEnd::complete;
  std::string text_;
  std::unique_ptr<Unpacking> unpacking_;
};

}  // namespace kuda
