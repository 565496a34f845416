#include "kuda/serve/callers.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// An IP address as the system writes it; nothing for a name.
std::optional<std::string> address_in(const std::string& text) {
  std::array<char, INET6_ADDRSTRLEN> written{};
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  for (const int family : {AF_INET, AF_INET6})
    if (::inet_pton(family, text.c_str(), bytes.data()) == 1)
      return ::inet_ntop(family, bytes.data(), written.data(), written.size());
  return std::nullopt;
}

struct HostAndPort {
  std::string name;  ///< in lower case, without brackets; an address as the system writes it
  std::string port;  ///< empty where there is none
};

/// "Name:8080", "127.0.0.1", "[::1]:8080", "name." Nothing for what is neither a name nor an address.
std::optional<HostAndPort> split_host(std::string_view text) {
  HostAndPort host;
  const auto name_end = text.starts_with('[') ? text.find(']') : text.find(':');
  if (text.starts_with('[')) {
    if (name_end == std::string_view::npos) return std::nullopt;
    const auto address = address_in(std::string(text.substr(1, name_end - 1)));
    if (!address) return std::nullopt;
    host.name = *address;
    text.remove_prefix(name_end + 1);
  } else {
    host.name = lower_case(text.substr(0, name_end));
    if (const auto address = address_in(host.name)) host.name = *address;
    text.remove_prefix(std::min(name_end, text.size()));
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
    if (host.name.find_first_not_of(kLetters) != std::string::npos) return std::nullopt;
    if (host.name.ends_with('.')) host.name.pop_back();
    if (host.name.empty()) return std::nullopt;
  }
  if (text.empty()) return host;
  host.port = text.substr(1);
  if (!text.starts_with(':') || !is_digits(host.port)) return std::nullopt;
  return host;
}

struct Origin {
  std::string scheme;
  HostAndPort host;
  [[nodiscard]] std::string text() const {
    const bool is_v6 = host.name.find(':') != std::string::npos;
    const auto name = is_v6 ? "[" + host.name + "]" : host.name;
    return scheme + "://" + name + (host.port.empty() ? "" : ":" + host.port);
  }
};

const char* usual_port(const std::string& scheme) { return scheme == "http" ? "80" : scheme == "https" ? "443" : ""; }

/// "https://name:8443", as browsers write it: without the port that the scheme has anyway.
std::optional<Origin> split_origin(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos || scheme_end == 0) return std::nullopt;
  auto host = split_host(text.substr(scheme_end + 3));
  if (!host) return std::nullopt;
  Origin origin{lower_case(text.substr(0, scheme_end)), std::move(*host)};
  if (origin.host.port == usual_port(origin.scheme)) origin.host.port.clear();
  return origin;
}

bool is_own_name(const std::string& name) {
  return name == "localhost" || name.ends_with(".localhost") || name == "::1" || name.starts_with("::ffff:127.") ||
         (name.starts_with("127.") && address_in(name));
}

bool is_open_page(const Request& head) {
  const auto mode = head.header("Sec-Fetch-Mode"), target = head.header("Sec-Fetch-Dest");
  return head.method == "GET" && mode == "navigate" && (target == "document" || target.empty());
}

/// Browsers cannot be kept from saying one of these.
bool is_from_browser(const Request& head) {
  for (const char* name : {"Origin", "Referer", "Cookie", "Accept-Language", "Sec-Fetch-Site", "Sec-Fetch-Mode"})
    if (head.count(name) > 0) return true;
  return head.header("User-Agent").starts_with("Mozilla/");
}

/// A page of the very site that it asks, whatever scheme a proxy before us has.
bool is_same_site(std::string_view origin, const HostAndPort& asked) {
  const auto from = split_origin(origin);
  if (!from || from->host.name != asked.name) return false;
  const auto port_of = [&](const std::string& port) { return port == usual_port(from->scheme) ? "" : port; };
  return port_of(from->host.port) == port_of(asked.port);
}

}  // namespace

Callers::Callers(const ServerOptions& options) {
  const auto host = address_in(options.host).value_or(lower_case(options.host));
  has_all_addresses_ = host == "0.0.0.0" || host == "::";
  names_.push_back(host);
  for (const auto& name : options.host_names) {
    const auto split =
        split_host(name.find(':') != name.rfind(':') && !name.starts_with('[') ? "[" + name + "]" : name);
    if (!split)
      throw UsageError(fmt::format("--host-name: expected a name or an address, found '{}'", name),
                       "as it stands in the address of the page, without http:// and path: kuda.example.org");
    names_.push_back(split->name);
  }
  for (const auto& text : options.origins) {
    const auto origin = split_origin(text.ends_with('/') ? std::string_view(text).substr(0, text.size() - 1) : text);
    if (!origin)
      throw UsageError(fmt::format("--allow-origin: expected SCHEME://NAME or SCHEME://NAME:PORT, found '{}'", text),
                       "the site whose pages may ask, for example http://localhost:3000; one option for each");
    origins_.push_back(origin->text());
  }
}

bool Callers::is_allowed(std::string_view origin) const {
  const auto from = split_origin(origin);
  return from && std::find(origins_.begin(), origins_.end(), from->text()) != origins_.end();
}

bool Callers::is_own(const std::string& name, const Request& head) const {
  if (is_own_name(name) || std::find(names_.begin(), names_.end(), name) != names_.end()) return true;
  const bool is_address = address_in(name).has_value();
  if (is_address) return has_all_addresses_;  // nobody can rebind an address
  // A name without a dot is one of the network here, of a container or a machine: no site elsewhere can have it.
  // Somebody in this network might, so a page gets an answer only under a name that the server was told.
  const bool is_local = name.find('.') == std::string::npos;
  return is_local && (!is_from_browser(head) || is_allowed(head.header("Origin")));
}

std::optional<Refusal> Callers::refusal_of(const Request& head) const {
  const auto host = head.host(), origin = head.header("Origin");
  if (!host.empty() || !head.is_http_1_0) {
    const auto asked = split_host(host);
    if (!asked)
      return Refusal{400, fmt::format("Host: expected NAME or NAME:PORT, found '{}'", host.substr(0, 100)), {}};
    if (!is_own(asked->name, head))
      return Refusal{421, fmt::format("this server does not answer for the name '{}'", asked->name.substr(0, 100)),
                     "whoever runs it can tell it the name: kuda serve CHECKPOINT --host-name NAME"};
    if (head.count("Origin") > 0 && is_same_site(origin, *asked)) return std::nullopt;
  }
  const auto site = head.header("Sec-Fetch-Site");  // what the browser says of it counts most: it knows our real name
  if (site == "same-origin" || is_allowed(origin)) return std::nullopt;
  const bool is_elsewhere = site == "cross-site" || site == "same-site";
  const bool is_of_another = head.count("Origin") > 0 || (is_elsewhere && !is_open_page(head));
  if (!is_of_another) return std::nullopt;
  const auto from = origin.empty() ? std::string("another site") : fmt::format("'{}'", origin.substr(0, 100));
  return Refusal{403, fmt::format("this was asked by a page of {}, which may not use this server", from),
                 "whoever runs it can let that site in: kuda serve CHECKPOINT --allow-origin http://NAME:PORT"};
}

std::vector<std::pair<std::string, std::string>> Callers::headers_for(const Request& head) const {
  if (origins_.empty()) return {};
  std::vector<std::pair<std::string, std::string>> headers{{"Vary", "Origin"}};
  const auto origin = head.header("Origin");
  if (!is_allowed(origin)) return headers;
  headers.emplace_back("Access-Control-Allow-Origin", origin);
  headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  return headers;
}

Response options_answer(const Request& head, const std::string& methods) {
  Response response{.status = 204};
  response.headers.emplace_back("Allow", methods);
  if (head.count("Access-Control-Request-Method") == 0) return response;
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  if (head.header("Access-Control-Request-Private-Network") == "true")
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  return response;
}

}  // namespace kuda
