#pragma once
// Requests and answers as the server sees them: no sockets, no library's types.

#include <cstddef>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kuda {

enum class BodyEnd {
  complete,
  too_large,
  too_slow,
  broken  ///< the client is gone, or what it sent is no body
};

struct Request {
  std::string method, path;                              ///< the path is decoded
  std::multimap<std::string, std::string> parameters{};  ///< of the query, decoded
  std::vector<std::pair<std::string, std::string>> headers{};
  bool is_http_1_0 = false;
  std::string target_host{};  ///< of a target in absolute form, "http://host:port/path": it counts instead of Host
  std::string body{};         ///< unpacked; empty unless its end is `complete`
  BodyEnd body_end = BodyEnd::complete;
  std::stop_token gone{};  ///< stopped when the client is: nobody reads the answer

  /// Names of headers are in any case. The first of that name; empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] bool has_body() const;
  /// Whom it is for, as sent: "localhost:8080".
  [[nodiscard]] std::string_view host() const;
};

/// Sends a piece of an answer at once, and waits while the client is slow. Throws Error where it is gone, or takes
/// nothing for too long.
using SendPiece = std::function<void(std::string_view piece)>;

struct Response {
  int status = 200;
  std::string content{};
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
  /// Of an answer at once, to a request whose body is not read: what comes then would be taken for the next request.
  bool ends_connection = false;
  /// Instead of `content`: makes it piece by piece, in the thread that answers. The connection ends after it. What it
  /// throws ends the answer where it is, and the client sees that it is not whole.
  std::function<void(const SendPiece& send)> stream{};
};

/// Why a request is not served.
struct Refusal {
  int status;
  std::string message, hint;
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// Path and parameters of a request's target: "/v1/clips?query=a%20b", also behind "http://host:port".
void split_target(std::string_view target, Request& request);

/// The answer as it is sent. `is_head`: its request asked for the head alone. `more_requests`: the connection may carry
/// so many, within so many seconds; 0: it ends, and the answer says so.
[[nodiscard]] std::string sent_text(const Response& response, bool is_head, std::size_t more_requests,
                                    long long idle_seconds);
/// Sends an answer that is a stream: its head, and its pieces as chunks, which a client of HTTP/1.0 would not know.
void send_stream(const Response& response, bool is_http_1_0, const SendPiece& send);

}  // namespace kuda
