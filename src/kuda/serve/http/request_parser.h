#pragma once
// Bytes as they come to requests: Boost.Beast's parser, and limits and strictness of ours around it.
//
//   RequestParser parser({.bytes = 65536, .headers = 100});
//   while (parser.read_head(received) == HeadEnd::partial) ...            // receive more
//   while (parser.read_body(received, reader) == BodyStep::partial) ...   // receive more
//
// Beast 1.74 alone bounds what is left of a head, not the whole, counts no headers, joins lines that go on in the next
// one without a word, and takes a length that is announced twice.

#include <cstddef>
#include <memory>
#include <string>

#include "kuda/serve/http/body_reader.h"
#include "kuda/serve/http/message.h"

namespace kuda {

struct HeadLimits {
  std::size_t bytes, headers;
};

enum class HeadEnd { partial, whole, refused };
enum class BodyStep {
  partial,
  whole,
  stopped  ///< it is no body, or the reader wants no more of it
};

/// One request. Both calls take away from `received` what they have read; the rest is of the body, or of the next
/// request.
class RequestParser {
 public:
  explicit RequestParser(const HeadLimits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;
  ~RequestParser();

  [[nodiscard]] HeadEnd read_head(std::string& received);
  [[nodiscard]] const Refusal& refusal() const noexcept;  ///< why the head was refused
  [[nodiscard]] bool has_begun() const;                   ///< a part of the head was read
  [[nodiscard]] Request& request() noexcept;
  /// The client did not ask for the end of the connection.
  [[nodiscard]] bool keeps_connection() const;

  [[nodiscard]] BodyStep read_body(std::string& received, BodyReader& reader);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
