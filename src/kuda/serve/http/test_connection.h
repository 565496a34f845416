#pragma once
// A connection of our own to a server on this machine, to send what no client would. For tests, and for
// bench/serve_faults.cpp: no GoogleTest here.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace kuda::test {

/// One answer. Status 0: it did not come whole.
struct RawAnswer {
  int status = 0;
  std::string head, body;
  [[nodiscard]] bool ends_connection() const { return head.find("\r\nConnection: close\r\n") != std::string::npos; }
};

class RawConnection {
 public:
  explicit RawConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const timeval limit{60, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection() {
    if (socket_ >= 0) ::close(socket_);
  }
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  bool send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Closes it, so that the server sees a reset instead of an end.
  void hang_up() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
  }
  /// Nothing more will be sent; answers can still be read.
  void end_sending() const { ::shutdown(socket_, SHUT_WR); }
  /// The server has closed its side.
  [[nodiscard]] bool is_closed() const {
    pollfd state{socket_, POLLRDHUP, 0};
    return ::poll(&state, 1, 0) > 0;
  }
  /// Everything until the server closes the connection, or until `last` has come so many times.
  [[nodiscard]] std::string receive(const std::string& last = "never", std::size_t times = 1) const {
    std::string text;
    char buffer[4096];
    for (std::size_t from = 0; times > 0;) {
      const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
      for (std::size_t at = 0; times > 0 && (at = text.find(last, from)) != std::string::npos; --times)
        from = at + last.size();
    }
    return text;
  }
  /// The next answer, by its Content-Length.
  [[nodiscard]] RawAnswer receive_answer() {
    RawAnswer answer;
    const std::string_view end = "\r\n\r\n", length_name = "\r\nContent-Length: ";
    std::size_t head_size = std::string::npos, size = 0;
    char buffer[4096];
    for (;;) {
      while (buffered_.starts_with("HTTP/1.1 100 ") && buffered_.find(end) != std::string::npos)  // no answer yet
        buffered_.erase(0, buffered_.find(end) + end.size());
      if (head_size == std::string::npos && (head_size = buffered_.find(end)) != std::string::npos) {
        head_size += end.size();
        answer.head = buffered_.substr(0, head_size);
        const auto length = answer.head.find(length_name);
        if (length == std::string::npos || answer.head.size() < 12) return answer;
        size = std::stoul(answer.head.substr(length + length_name.size()));
      }
      if (head_size != std::string::npos && buffered_.size() >= head_size + size) break;
      const auto count = ::recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) return answer;
      buffered_.append(buffer, static_cast<std::size_t>(count));
    }
    answer.body = buffered_.substr(head_size, size);
    answer.status = std::stoi(answer.head.substr(9, 3));  // HTTP/1.1 200 OK
    buffered_.erase(0, head_size + size);
    return answer;
  }

 private:
  int socket_;
  bool is_connected_ = false;
  std::string buffered_;  ///< of answers that receive_answer did not give out yet
};

inline std::string post_head(const std::string& path, const std::string& more) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + more + "\r\n";
}

inline std::string post_request(const std::string& path, const std::string& body) {
  return post_head(path, "Content-Length: " + std::to_string(body.size()) + "\r\n") + body;
}

}  // namespace kuda::test
