#include "kuda/serve/http_io.h"

#include <memory>
#include <utility>

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

}  // namespace

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
  body.end = body.is_read || inflow.is_aborted ? inflow.end : BodyEnd::broken;
  if (inflow.end == BodyEnd::too_large) body.text.clear();
  return body;
}

void set_answer(httplib::Response& response, int status, const std::string& content, const std::string& type) {
  response.status = status;
  response.headers.erase("Content-Type");  // set_content adds one more
  response.set_content(content, type);
}

void end_connection(httplib::Response& response) {
  const auto content = std::make_shared<const std::string>(std::exchange(response.body, {}));
  const auto type = response.get_header_value("Content-Type");
  response.headers.erase("Content-Type");
  response.set_header("Connection", "close");
  response.set_content_provider(content->size(), type,
                                [content](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                                  sink.write(content->data() + offset, length);
                                  return false;
                                });
}

bool has_body(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding")) return true;
  const auto length = request.get_header_value("Content-Length");
  return !length.empty() && length != "0";
}

}  // namespace kuda
