#pragma once
// Private to the server: bodies of requests read within limits, and answers. cpp-httplib 0.11 bounds neither a chunked
// body nor an unpacked one, so the limits are ours.

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "kuda/serve/clip_form.h"

namespace kuda {

enum class BodyEnd {
  complete,
  too_large,
  too_slow,
  broken  ///< the client is gone, or what it sent is no body
};

struct Body {
  BodyEnd end = BodyEnd::broken;
  bool is_read = false;  ///< to its end: the connection can carry another request
  bool is_form = false;
  std::string text;             ///< unless it is a form
  std::vector<FormPart> parts;  ///< of a form
};

/// At most `most` bytes, unpacked, until `deadline`. What goes beyond `most` is read and dropped, up to as much again,
/// so that the client, which may still be sending, gets to read the answer.
[[nodiscard]] Body read_body(const httplib::Request& request, const httplib::ContentReader& reader, std::size_t most,
                             std::chrono::steady_clock::time_point deadline);

/// Sets status and content; JSON unless `type` says otherwise.
void set_answer(httplib::Response& response, int status, const std::string& content,
                const std::string& type = "application/json");

/// Closes the connection after this answer, because the rest of the request was not read and would be taken for the
/// next one. cpp-httplib closes it when writing the content fails, and only then: so it is written, and then fails.
void end_connection(httplib::Response& response);

[[nodiscard]] bool has_body(const httplib::Request& request);

}  // namespace kuda
