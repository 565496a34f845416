#pragma once
// Private to the server: one connection. It holds what has arrived and is not read yet, and what is answered and not
// sent yet: a client that is slow to send a head, or to take an answer, holds no thread.
//
//   connection.receive();                                       // whenever something has come
//   if (connection.head(65536, 100) == RequestHead::whole) {
//     connection.begin_request(deadline, most_bytes);
//     server.answer(connection, is_last);                       // cpp-httplib reads from it and writes to it
//     connection.end_request();
//     while (!connection.send()) ...                            // wait until it takes more
//   }

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace kuda {

/// A descriptor that is closed with its owner.
class Socket {
 public:
  explicit Socket(int descriptor = -1) noexcept : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket();
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

/// How much of the head of a request (its lines up to the empty one) has arrived.
enum class RequestHead {
  partial,
  whole,
  too_long,
  too_many,  ///< headers
  malformed  ///< lines that end without \r\n or go on in the next one
};

/// Used by one thread at a time. The socket must not block.
class Connection final : public httplib::Stream {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Connection(Socket socket) : socket_(std::move(socket)) {}

  /// Takes what has arrived, at most 16 KiB, and returns at once.
  void receive();
  /// Takes it and forgets it; false when nothing more can come.
  bool drop();
  [[nodiscard]] bool has_bytes() const noexcept { return read_ < in_.size(); }
  /// The client sends nothing more. It may still read: a request that came whole before is answered.
  [[nodiscard]] bool is_ended() const noexcept { return is_ended_; }
  /// No answer reaches the client any more.
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

  /// Looks at what has come since the last call. Takes out headers named Range: answers are short, a server may ignore
  /// the header, and what cpp-httplib 0.11 makes of it can be many times the answer, or bytes beyond it.
  [[nodiscard]] RequestHead head(std::size_t most_bytes, std::size_t most_headers);

  /// From here on `read` waits for a body until `deadline`, and gives out at most `most_bytes` of head and body.
  void begin_request(Clock::time_point deadline, std::size_t most_bytes);
  /// What was not read is the beginning of the next request.
  void end_request();
  [[nodiscard]] bool has_answer() const noexcept { return !out_.empty(); }
  /// Sends what the client takes at once; true when nothing is left, because it was sent or cannot be.
  bool send();

  // What cpp-httplib calls while it answers a request.
  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return !is_broken_; }
  /// Waits for all of `size`: cpp-httplib never asks for more than must come, and loses the boundary of a form that
  /// comes in two pieces. Fewer where the client ends before; 0 at the end, -1 at the deadline or beyond a limit.
  ssize_t read(char* data, std::size_t size) override;
  ssize_t write(const char* data, std::size_t size) override;
  void get_remote_ip_and_port(std::string&, int&) const override {}  // nobody asks for these headers
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// cpp-httplib compares it with what select() can wait for; here poll() waits.
  [[nodiscard]] socket_t socket() const override { return -1; }

 private:
  bool wait_for_bytes();

  Socket socket_;
  std::string in_;         ///< received
  std::size_t read_ = 0;   ///< bytes of it that were read
  std::size_t line_ = 0;   ///< where the line of the head begins that is not whole yet
  std::size_t lines_ = 0;  ///< before it
  bool is_led_ = false;    ///< an empty line came before the head
  std::string out_;        ///< to be sent
  std::size_t sent_ = 0;   ///< bytes of it that were sent
  bool is_ended_ = false, is_broken_ = false;
  Clock::time_point deadline_{};
  std::size_t budget_ = 0;      ///< bytes that the request may still have
  std::size_t line_bytes_ = 0;  ///< of a line that is read byte by byte
};

}  // namespace kuda
