#include "kuda/serve/http/http_io.h"

#include <cctype>

namespace kuda {
namespace {

constexpr std::size_t kMostParts = 16;

/// What arrives, counted; says when to go on.
struct Inflow {
  std::size_t most;
  std::chrono::steady_clock::time_point deadline;
  std::size_t bytes = 0;
  BodyEnd end = BodyEnd::complete;
  bool is_aborted = false;

  /// True while the bytes are to be kept or dropped; false ends the reading.
  bool take(std::size_t count) {
    bytes += count;
    if (bytes > most) end = BodyEnd::too_large;
    if (std::chrono::steady_clock::now() > deadline) end = BodyEnd::too_slow;
    is_aborted = end == BodyEnd::too_slow || bytes / 2 > most;
    return !is_aborted;
  }
  [[nodiscard]] bool is_kept() const { return end == BodyEnd::complete; }
};

/// Whether the answer that this thread writes is the last one of its connection: cpp-httplib tells its handlers no more
/// than the request.
thread_local bool is_last_answer = true;

bool asks_to_close(const httplib::Request& request) {
  auto asked = request.get_header_value("Connection");
  if (request.version == "HTTP/1.0") return asked != "Keep-Alive";
  for (auto& letter : asked) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return asked.find("close") != std::string::npos;
}

}  // namespace

HttpServer::HttpServer() {
  set_post_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    is_last_answer = response.has_header("Connection") || asks_to_close(request);
    if (!is_last_answer) return;
    response.headers.erase("Keep-Alive");
    response.headers.erase("Connection");
    end_connection(response);
  });
}

bool HttpServer::answer(httplib::Stream& stream, bool is_last) {
  is_last_answer = true;  // unless an answer is written that does not say so
  bool is_closing = false;
  const bool is_written = process_request(stream, is_last, is_closing, nullptr);
  return is_written && !is_closing && !is_last_answer;
}

Body read_body(const httplib::Request& request, const httplib::ContentReader& reader, std::size_t most,
               std::chrono::steady_clock::time_point deadline) {
  Body body;
  body.is_form = request.is_multipart_form_data();
  Inflow inflow{most, deadline};
  if (body.is_form) {
    body.is_read = reader(
        [&](const httplib::MultipartFormData& part) {
          if (body.parts.size() >= kMostParts) return false;
          body.parts.push_back({part.name, {}});
          return inflow.take(part.name.size());
        },
        [&](const char* data, std::size_t size) {
          if (!inflow.take(size)) return false;
          if (inflow.is_kept()) body.parts.back().content.append(data, size);
          return true;
        });
  } else {
    body.is_read = reader([&](const char* data, std::size_t size) {
      if (!inflow.take(size)) return false;
      if (inflow.is_kept()) body.text.append(data, size);
      return true;
    });
  }
  if (!body.is_read && inflow.end == BodyEnd::complete)
    inflow.end = std::chrono::steady_clock::now() > deadline ? BodyEnd::too_slow : BodyEnd::broken;
  body.end = inflow.end;
  if (inflow.end == BodyEnd::too_large) body.text.clear();
  return body;
}

void set_answer(httplib::Response& response, int status, const std::string& content, const std::string& type) {
  response.status = status;
  response.headers.erase("Content-Type");  // set_content adds one more
  response.set_content(content, type);
}

void end_connection(httplib::Response& response) { response.set_header("Connection", "close"); }

bool has_body(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding")) return true;
  const auto length = request.get_header_value("Content-Length");
  return !length.empty() && length != "0";
}

}  // namespace kuda
