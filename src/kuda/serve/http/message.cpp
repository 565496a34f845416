#include "kuda/serve/http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cctype>
#include <optional>

#include "kuda/base/lower_case.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

bool is_same_name(std::string_view a, std::string_view b) {
  const auto is_same = [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same);
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// "%41" becomes "A"; what is no such code stays as it is.
std::string decoded(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (low) {
      result += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      result += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& entry) { return is_same_name(entry.first, name); });
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::size_t Request::count(std::string_view name) const {
  return std::size_t(std::count_if(headers.begin(), headers.end(),
                                   [&](const auto& entry) { return is_same_name(entry.first, name); }));
}

bool Request::has_body() const {
  if (count("Transfer-Encoding") > 0) return true;
  const auto length = header("Content-Length");
  return !length.empty() && length != "0";
}

std::string_view Request::host() const { return target_host.empty() ? header("Host") : target_host; }

void split_target(std::string_view target, Request& request) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (lower_case(target.substr(0, scheme.size())) != scheme) continue;
    target.remove_prefix(scheme.size());
    request.target_host = target.substr(0, target.find_first_of("/?#"));
    target.remove_prefix(request.target_host.size());
    break;
  }
  const auto path_end = std::min(target.find_first_of("?#"), target.size());
  request.path = decoded(target.substr(0, path_end), false);
  if (request.path.empty() && !request.target_host.empty()) request.path = "/";
  if (path_end == target.size() || target[path_end] == '#') return;
  auto query = target.substr(path_end + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const auto name_end = std::min(pair.find('='), pair.size());
    const auto value = pair.substr(std::min(name_end + 1, pair.size()));
    if (!pair.empty()) request.parameters.emplace(decoded(pair.substr(0, name_end), true), decoded(value, true));
  }
}

namespace {

std::string status_line(int status) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(unsigned(status)));
  return fmt::format("HTTP/1.1 {} {}\r\n", status, fmt::string_view(reason.data(), reason.size()));
}

/// The rest of a head, from its type on.
std::string last_headers(const Response& response) {
  std::string text;
  if (response.status != 204)
    text = fmt::format("Content-Type: {}\r\nX-Content-Type-Options: nosniff\r\n", response.type);
  for (const auto& [name, value] : response.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n";
}

}  // namespace

std::string sent_text(const Response& response, bool is_head, std::size_t more_requests, long long idle_seconds) {
  auto text = status_line(response.status);
  if (more_requests == 0)
    text += "Connection: close\r\n";
  else
    text += fmt::format("Connection: keep-alive\r\nKeep-Alive: timeout={}, max={}\r\n", idle_seconds, more_requests);
  if (response.status != 204) text += fmt::format("Content-Length: {}\r\n", response.content.size());
  text += last_headers(response);
  if (!is_head) text += response.content;
  return text;
}

void send_stream(const Response& response, bool is_http_1_0, const SendPiece& send) {
  send(status_line(response.status) + "Connection: close\r\n" + (is_http_1_0 ? "" : "Transfer-Encoding: chunked\r\n") +
       last_headers(response));
  response.stream([&](std::string_view piece) {
    if (piece.empty()) return;  // an empty chunk is the end
    if (is_http_1_0)
      send(piece);
    else
      send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
  });
  if (!is_http_1_0) send("0\r\n\r\n");
}

}  // namespace kuda
