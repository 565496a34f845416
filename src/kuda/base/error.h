#pragma once
// One family of errors. The library throws these and never prints, exits or aborts; only `main` catches.
//
//   throw DataError("mosi.pkl: train.audio: expected [N, L, D], found [1284, 5]", "re-export with the time axis");

#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace kuda {

inline constexpr const char* kHintStart = "  hint: ";  ///< how the line below a message begins, where there is a hint

/// What went wrong and, where we know it, what to do. `what()` holds both: "message\n  hint: ...", with \0 for a zero
/// byte, where it would end. `exit_code()` is the exit status of the program for this kind of error.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = {})
      : std::runtime_error(hint.empty() ? shown(message) : shown(message) + "\n" + kHintStart + shown(hint)),
        message_(message),
        hint_(std::move(hint)) {}
  [[nodiscard]] const std::string& message() const noexcept { return message_; }  ///< without the hint
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] virtual int exit_code() const noexcept { return 1; }

 private:
  static std::string shown(std::string text) {
    for (std::size_t at = 0; (at = text.find('\0', at)) != std::string::npos;) text.replace(at, 1, "\\0");
    return text;
  }
  std::string message_, hint_;
};

/// The command line asks for something that does not exist.
class UsageError : public Error {
 public:
  using Error::Error;
  [[nodiscard]] int exit_code() const noexcept override { return 2; }
};

/// A configuration key or value: unknown, of the wrong type, or out of range.
class ConfigError : public Error {
 public:
  using Error::Error;
  [[nodiscard]] int exit_code() const noexcept override { return 3; }
};

/// The content of a data set: missing keys, wrong shapes, impossible values.
class DataError : public Error {
 public:
  using Error::Error;
  [[nodiscard]] int exit_code() const noexcept override { return 4; }
};

/// The bytes of a file: truncated, damaged, or of another format. Messages name the file and the byte.
class FormatError : public DataError {
 public:
  using DataError::DataError;
};

/// Shapes of tensors handed to the library do not fit together.
class ShapeError : public DataError {
 public:
  using DataError::DataError;
};

/// A checkpoint that is missing, damaged, or does not fit the model or the data.
class CheckpointError : public Error {
 public:
  using Error::Error;
  [[nodiscard]] int exit_code() const noexcept override { return 5; }
};

/// Work was stopped by SIGINT or SIGTERM after its state was saved; the same command continues it.
class Interrupted : public Error {
 public:
  using Error::Error;
  [[nodiscard]] int exit_code() const noexcept override { return 6; }
};

}  // namespace kuda
