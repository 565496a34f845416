// The module kuda._kuda: the library as the Python package sees it. What people call, with its documentation, is
// written in Python (python/kuda); this module is private to it.

#include <torch/csrc/utils/pybind.h>
#include <torch/version.h>

#include "kuda/bindings/modules.h"

namespace kuda::bindings {

PYBIND11_MODULE(_kuda, module) {
  translate_errors();
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const c10::Error& e) {  // without the addresses of a backtrace
      PyErr_SetString(PyExc_RuntimeError, e.what_without_backtrace());
    }
  });
  module.attr("TORCH_VERSION") = TORCH_VERSION;
  bind_log(module);
  bind_data(module);
  bind_metrics(module);
  bind_predictor(module);
  bind_runs(module);
  bind_models(module);
  bind_python_models(module);
}

}  // namespace kuda::bindings
