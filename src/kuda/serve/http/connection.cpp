#include "kuda/serve/http/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string_view>

namespace kuda {
namespace {

constexpr std::size_t kPiece = 16384;        // bytes taken at once
constexpr std::size_t kLongestLine = 65536;  // of a head, or between two chunks of a body

bool is_range(std::string_view line) {
  constexpr std::string_view kName = "range:";
  return line.size() >= kName.size() && std::equal(kName.begin(), kName.end(), line.begin(), [](char name, char found) {
           return name == std::tolower(static_cast<unsigned char>(found));
         });
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Connection::receive() {
  std::array<char, kPiece> piece;
  for (;;) {
    const auto count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count > 0)
      in_.append(piece.data(), static_cast<std::size_t>(count));
    else if (count == 0)
      is_ended_ = true;
    else if (errno == EINTR)
      continue;
    else if (errno != EAGAIN)
      is_ended_ = is_broken_ = true;
    return;
  }
}

bool Connection::drop() {
  std::array<char, kPiece> piece;
  for (int i = 0; i < 16; ++i) {
    const auto count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
  }
  return true;
}

RequestHead Connection::head(std::size_t most_bytes, std::size_t most_headers) {
  for (std::size_t end = 0; (end = in_.find('\n', line_)) != std::string::npos;) {
    const auto line = std::string_view(in_).substr(line_, end + 1 - line_);
    if (end >= most_bytes) return RequestHead::too_long;
    if (!line.ends_with("\r\n")) return RequestHead::malformed;
    if (line.size() == 2 && lines_ > 0) return RequestHead::whole;
    if (line.size() == 2) {  // before a request: RFC 9112, section 2.2, lets one pass
      if (is_led_) return RequestHead::malformed;
      is_led_ = true;
      in_.erase(line_, line.size());
      continue;
    }
    if (lines_ > 0 && (line.front() == ' ' || line.front() == '\t')) return RequestHead::malformed;
    if (++lines_ > most_headers + 1) return RequestHead::too_many;
    if (lines_ > 1 && is_range(line))
      in_.erase(line_, line.size());
    else
      line_ = end + 1;
  }
  return in_.size() > most_bytes ? RequestHead::too_long : RequestHead::partial;
}

void Connection::begin_request(Clock::time_point deadline, std::size_t most_bytes) {
  deadline_ = deadline;
  budget_ = most_bytes;
  line_bytes_ = 0;
}

void Connection::end_request() {
  in_.erase(0, read_);
  if (in_.empty()) std::string().swap(in_);  // an idle connection holds no memory
  read_ = line_ = lines_ = 0;
  is_led_ = false;
}

bool Connection::send() {
  while (sent_ < out_.size() && !is_broken_) {
    const auto count = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0)
      sent_ += static_cast<std::size_t>(count);
    else if (errno == EAGAIN)
      return false;
    else if (errno != EINTR)
      is_ended_ = is_broken_ = true;
  }
  std::string().swap(out_);
  sent_ = 0;
  return true;
}

ssize_t Connection::read(char* data, std::size_t size) {
  if (size > budget_) return -1;
  std::size_t count = 0;
  while (count < size && (has_bytes() || wait_for_bytes())) {
    const auto step = std::min(size - count, in_.size() - read_);
    in_.copy(data + count, step, read_);
    read_ += step;
    count += step;
  }
  budget_ -= count;
  if (count == 0) return is_ended_ && !is_broken_ ? 0 : -1;
  // cpp-httplib reads lines byte by byte, and as many as come: without this a chunk whose length has no end fills
  // memory.
  if (size == 1) line_bytes_ = *data == '\n' ? 0 : line_bytes_ + 1;
  return line_bytes_ > kLongestLine ? -1 : static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* data, std::size_t size) {
  out_.append(data, size);
  return static_cast<ssize_t>(size);
}

/// False at the deadline, and where nothing more can come. Everything received before has been read.
bool Connection::wait_for_bytes() {
  in_.clear();
  read_ = 0;
  send();  // "100 Continue", which the client may be waiting for
  for (;;) {
    receive();
    if (has_bytes()) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (is_ended_ || left.count() <= 0) return false;
    pollfd waited{socket_.get(), POLLIN, 0};
    ::poll(&waited, 1, static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 60000)));
  }
}

}  // namespace kuda
