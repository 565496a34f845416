#pragma once
// Who may ask this server: for which names it answers, and the pages of which other sites may use it. A browser lets
// any page send requests to this machine. A page whose own name was rebound to 127.0.0.1 may even read the answers: to
// the browser they are its own site's. The headers Host, Origin and Sec-Fetch-Site, which no page can change, tell them
// apart.
//
//   const Callers callers(options);                       // throws UsageError for a name or an origin that is none
//   if (const auto refusal = callers.refusal_of(head)) ...
//
// Programs send what they like: for them there is the token.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kuda/serve/http/message.h"
#include "kuda/serve/server.h"

namespace kuda {

class Callers {
 public:
  explicit Callers(const ServerOptions& options);

  /// 400 for a Host that is no name, 421 for a name that is not ours, 403 for the page of another site.
  [[nodiscard]] std::optional<Refusal> refusal_of(const Request& head) const;
  /// What an answer says to a page of an allowed origin, and to caches between.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> headers_for(const Request& head) const;

 private:
  [[nodiscard]] bool is_allowed(std::string_view origin) const;
  [[nodiscard]] bool is_own(const std::string& name, const Request& head) const;

  std::vector<std::string> names_;  ///< in lower case; addresses as the system writes them
  std::vector<std::string> origins_;
  bool has_all_addresses_ = false;  ///< listens on every address of the machine
};

/// The answer to OPTIONS on a path that has `methods`: what a page may send, if it asks (a preflight).
[[nodiscard]] Response options_answer(const Request& head, const std::string& methods);

}  // namespace kuda
