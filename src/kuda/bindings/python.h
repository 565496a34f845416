#pragma once
// What the Python modules share: errors, messages, Ctrl-C, paths. No LibTorch.
//
//   m.def("open", [](const fs::path& path) { return without_gil([&] { return open_dataset(path); }); });
//
// Every call that may take time, log or throw goes through without_gil: another thread of Python can then work, and one
// that logs is never waited for with the lock of the interpreter in hand.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <exception>
#include <memory>
#include <string>

#include "kuda/base/clock.h"
#include "kuda/base/error.h"
#include "kuda/base/interruption.h"

namespace kuda::io {
struct Array;
}

namespace kuda::bindings {

namespace py = pybind11;

/// Errors of the library become those of kuda.errors, by name.
void translate_errors();
/// set_log_sink(callable(is_warning, message) or None).
void bind_log(py::module_& module);

/// Text of the library, which may hold bytes of a file that are no UTF-8: those are shown as \xhh.
[[nodiscard]] py::str text_of(const std::string& text);

/// What Python has to say while C++ works: a signal whose handler raises (Ctrl-C), or a callback that does.
class PendingError {
 public:
  /// Whether a handler has raised; asks at most twenty times a second. Takes the lock of the interpreter. Only Python's
  /// main thread runs handlers: elsewhere it is never true.
  [[nodiscard]] bool has_signal();
  /// Calls Python with the lock of the interpreter taken; what it raises is kept and says "stop". Returns whether to.
  template <class Call>
  bool call(Call python) {
    const py::gil_scoped_acquire lock;
    try {
      python();
    } catch (py::error_already_set&) {
      error_ = std::current_exception();
    }
    return error_ != nullptr;
  }
  /// Raises what was kept, if anything.
  void raise() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
  Clock::time_point asked_ = Clock::now();
};

/// Work without the lock of the interpreter, which Ctrl-C ends. Nothing in it may touch a Python object.
template <class Work>
auto without_gil(PendingError& pending, Work work) {
  const InterruptionScope scope([&pending] { return pending.has_signal(); });
  try {
    const py::gil_scoped_release unlocked;
    return work();
  } catch (const Interrupted&) {
    pending.raise();
    throw;
  }
}
template <class Work>
auto without_gil(Work work) {
  PendingError pending;
  return without_gil(pending, std::move(work));
}

/// An array over the same bytes, read-only.
[[nodiscard]] py::array array_of(const io::Array& array);

/// An owner of memory as the base of an array.
[[nodiscard]] py::capsule capsule_of(std::shared_ptr<const void> owner);

}  // namespace kuda::bindings
