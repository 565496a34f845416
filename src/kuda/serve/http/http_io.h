#pragma once
// Private to the server: cpp-httplib without its connections, bodies of requests read within limits, and answers.
// cpp-httplib 0.11 bounds neither a chunked body nor an unpacked one, so the limits are ours.

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "kuda/serve/clip_form.h"

namespace kuda {

/// What cpp-httplib knows of HTTP: it reads one request from a stream, finds its handler and writes the answer. The
/// connections are those of serve/http/connections.h.
class HttpServer final : public httplib::Server {
 public:
  HttpServer();
  /// True when the answer was written and the connection may carry another request. `is_last`: it may not, and the
  /// answer says so. From any thread.
  bool answer(httplib::Stream& stream, bool is_last);
  /// What it is bound to. Nothing in cpp-httplib closes it as long as it does not listen.
  [[nodiscard]] int socket() const { return svr_sock_; }
};

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
/// so that the connection can carry the next request.
[[nodiscard]] Body read_body(const httplib::Request& request, const httplib::ContentReader& reader, std::size_t most,
                             std::chrono::steady_clock::time_point deadline);

/// Sets status and content; JSON unless `type` says otherwise.
void set_answer(httplib::Response& response, int status, const std::string& content,
                const std::string& type = "application/json");

/// Ends the connection after this answer, because the rest of the request is not read and would be taken for the next
/// one.
void end_connection(httplib::Response& response);

[[nodiscard]] bool has_body(const httplib::Request& request);

}  // namespace kuda
