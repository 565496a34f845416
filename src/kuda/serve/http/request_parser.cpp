#include "kuda/serve/http/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

namespace kuda {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;

/// A line of a head that begins with a space goes on from the one before: servers differ in what they make of it.
bool has_continued_line(std::string_view received) {
  const auto head = received.substr(0, received.find("\r\n\r\n"));
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

}  // namespace

struct RequestParser::Impl final : http::basic_parser<true> {
  explicit Impl(const HeadLimits& chosen) : limits(chosen) {
    header_limit(std::uint32_t(std::min<std::size_t>(chosen.bytes, std::numeric_limits<std::uint32_t>::max())));
    body_limit(std::numeric_limits<std::uint64_t>::max());  // BodyReader has ours
    eager(false);                                           // stops at the end of the head
  }

  const HeadLimits limits;
  Request request;
  Refusal refusal{400, "this is no request that the server can read", {}};
  BodyReader* reader = nullptr;
  std::size_t bytes = 0;
  bool is_led = false;  ///< an empty line came before the head

  /// Reads until more is needed or there is an error; takes away what was read.
  boost::beast::error_code parse(std::string& received) {
    boost::beast::error_code error;
    const auto used = put(boost::asio::buffer(received), error);
    received.erase(0, used);
    return error;
  }
  void refuse(int status, std::string message, std::string hint, boost::beast::error_code& error) {
    refusal = {status, std::move(message), std::move(hint)};
    error = http::error::header_limit;
  }
  void count_bytes(std::size_t count, boost::beast::error_code& error) {
    if ((bytes += count) > limits.bytes) refuse_length(error);
  }
  void refuse_length(boost::beast::error_code& error) {
    refuse(431, fmt::format("the head of the request is longer than {} bytes", limits.bytes), "send clips in the body",
           error);
  }
  /// Two servers that read the announcement of a body differently, a proxy and this one, would take a part of the body
  /// for a request of its own, so what is not plain is refused.
  void explain(const boost::beast::error_code& error, std::string_view line) {
    const auto version = line.substr(line.rfind(' ') + 1);
    if (error == http::error::bad_version && version.starts_with("HTTP/") && !version.starts_with("HTTP/1."))
      refusal = {505, fmt::format("expected HTTP/1.1 or HTTP/1.0, found '{}'", version.substr(0, 20)), {}};
    const bool is_length = error == http::error::bad_content_length;
    if (!is_length && error != http::error::bad_transfer_encoding) return;
    const bool has_length = request.count("Content-Length") > 0, has_coding = request.count("Transfer-Encoding") > 0;
    if (is_length ? has_coding : has_length)
      refusal.message = "expected Content-Length or Transfer-Encoding, found both";
    else if (has_length || has_coding)
      refusal.message = "expected one announcement of a body, found several";
    else
      refusal.message = fmt::format("expected a length that is a number, found '{}'", line.substr(0, 60));
  }

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       boost::beast::error_code& error) override {
    request.method = std::string(method);
    request.is_http_1_0 = version == 10;
    split_target({target.data(), target.size()}, request);
    count_bytes(method.size() + target.size() + std::string_view("  HTTP/1.1\r\n").size(), error);
  }
  void on_field_impl(http::field, string_view name, string_view value, boost::beast::error_code& error) override {
    if (is_header_done()) return;  // after the last chunk: nobody asks for these
    count_bytes(name.size() + value.size() + std::string_view(": \r\n").size(), error);
    if (!error && request.headers.size() >= limits.headers)
      refuse(431, fmt::format("the request has more than {} headers", limits.headers), {}, error);
    request.headers.emplace_back(std::string(name), std::string(value));
  }
  std::size_t take(string_view piece, boost::beast::error_code& error) {
    if (!reader->take({piece.data(), piece.size()})) error = http::error::body_limit;
    return piece.size();
  }
  std::size_t on_body_impl(string_view piece, boost::beast::error_code& error) override { return take(piece, error); }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, boost::beast::error_code& error) override {
    return take(piece, error);
  }
  void on_response_impl(int, string_view, int, boost::beast::error_code&) override {}
  void on_header_impl(boost::beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, boost::beast::error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, string_view, boost::beast::error_code&) override {}
  void on_finish_impl(boost::beast::error_code&) override {}
};

RequestParser::RequestParser(const HeadLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}

RequestParser::~RequestParser() = default;

HeadEnd RequestParser::read_head(std::string& received) {
  auto& impl = *impl_;
  if (!impl.got_some() && !impl.is_led && received.starts_with("\r\n")) {  // RFC 9112, section 2.2, lets one pass
    received.erase(0, 2);
    impl.is_led = true;
  }
  if (received.empty() || (!impl.got_some() && !impl.is_led && received == "\r")) return HeadEnd::partial;
  if (has_continued_line(received)) return HeadEnd::refused;
  const auto error = impl.parse(received);
  if (error == http::error::need_more) return HeadEnd::partial;
  if (!error) return impl.is_header_done() ? HeadEnd::whole : HeadEnd::partial;
  boost::beast::error_code ignored;
  if (error == http::error::header_limit && impl.refusal.status == 400) impl.refuse_length(ignored);
  impl.explain(error, std::string_view(received).substr(0, received.find("\r\n")));  // the line was not taken away
  return HeadEnd::refused;
}

const Refusal& RequestParser::refusal() const noexcept { return impl_->refusal; }

bool RequestParser::has_begun() const { return impl_->got_some(); }

Request& RequestParser::request() noexcept { return impl_->request; }

bool RequestParser::keeps_connection() const { return impl_->keep_alive(); }

BodyStep RequestParser::read_body(std::string& received, BodyReader& reader) {
  auto& impl = *impl_;
  if (impl.is_done()) return BodyStep::whole;
  // Beast wants the last chunk, "0\r\n\r\n" at least, in one piece, and asserts so. No body ends with fewer bytes.
  constexpr std::size_t kLastChunk = 5;
  if (received.empty() || (impl.chunked() && received.front() == '0' && received.size() < kLastChunk))
    return BodyStep::partial;
  impl.reader = &reader;
  impl.eager(true);
  const auto error = impl.parse(received);
  if (impl.is_done()) return BodyStep::whole;
  if (error && error != http::error::need_more) return BodyStep::stopped;
  // What is left is a line between two chunks, or what follows the last one, without an end.
  return received.size() > impl.limits.bytes ? BodyStep::stopped : BodyStep::partial;
}

}  // namespace kuda
