#include "kuda/bindings/python.h"

#include <chrono>

#include "kuda/base/log.h"
#include "kuda/io/array.h"

namespace kuda::bindings {
namespace {

void set_error(const char* name, const Error& error) {
  const py::object type = py::module_::import("kuda.errors").attr(name);
  PyErr_SetObject(type.ptr(), type(text_of(error.message()), text_of(error.hint())).ptr());
}

}  // namespace

py::str text_of(const std::string& text) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "backslashreplace"));
}

void translate_errors() {
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const UsageError& e) {
      set_error("UsageError", e);
    } catch (const ConfigError& e) {
      set_error("ConfigError", e);
    } catch (const FormatError& e) {
      set_error("FormatError", e);
    } catch (const ShapeError& e) {
      set_error("ShapeError", e);
    } catch (const DataError& e) {
      set_error("DataError", e);
    } catch (const CheckpointError& e) {
      set_error("CheckpointError", e);
    } catch (const Interrupted& e) {
      set_error("Interrupted", e);
    } catch (const Error& e) {
      set_error("Error", e);
    } catch (const std::filesystem::filesystem_error& e) {
      set_error("DataError", DataError(e.path1().string() + ": " + e.code().message()));
    }
  });
}

void bind_log(py::module_& module) {
  module.def("set_log_sink", [](const py::object& callable) {
    if (callable.is_none()) {
      set_log_sink({});
      return;
    }
    // Whoever lets go of it last may be a thread that logs.
    const std::shared_ptr<py::object> kept(new py::object(callable), [](py::object* object) {
      const py::gil_scoped_acquire lock;
      delete object;
    });
    set_log_sink([kept](LogLevel level, const std::string& message) {
      const py::gil_scoped_acquire lock;
      try {
        (*kept)(level == LogLevel::warning, text_of(message));
      } catch (py::error_already_set& error) {
        error.discard_as_unraisable("the log of kuda");
      }
    });
  });
}

bool PendingError::has_signal() {
  if (error_) return true;
  const auto now = Clock::now();
  if (now - asked_ < std::chrono::milliseconds(50)) return false;
  asked_ = now;
  return call([] {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  });
}

py::array array_of(const io::Array& array) {
  if (array.dtype == io::DType::bf16) {  // numpy has no such type: the same numbers as float32
    const auto values = array.to_doubles();
    py::array_t<float> made(std::vector<py::ssize_t>(array.shape.begin(), array.shape.end()));
    for (std::size_t i = 0; i < values.size(); ++i) made.mutable_data()[i] = static_cast<float>(values[i]);
    return std::move(made);
  }
  const auto size = static_cast<py::ssize_t>(io::item_size(array.dtype));
  std::vector<py::ssize_t> strides;
  for (const auto stride : array.strides) strides.push_back(stride * size);
  py::array made(py::dtype(std::string(io::dtype_name(array.dtype))),
                 std::vector<py::ssize_t>(array.shape.begin(), array.shape.end()), strides, array.data,
                 capsule_of(array.owner));
  made.attr("setflags")(py::arg("write") = false);
  return made;
}

py::capsule capsule_of(std::shared_ptr<const void> owner) {
  return {new std::shared_ptr<const void>(std::move(owner)),
          [](void* kept) { delete static_cast<std::shared_ptr<const void>*>(kept); }};
}

}  // namespace kuda::bindings
