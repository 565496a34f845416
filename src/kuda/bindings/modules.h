#pragma once
// The parts of the module kuda._kuda, each of which adds its names.

#include <cmath>
#include <optional>
#include <string>

#include "kuda/bindings/python.h"
#include "kuda/data/modality.h"

namespace kuda {
struct Dataset;
}

namespace kuda::bindings {

void bind_data(py::module_& module);
void bind_predictor(py::module_& module);
void bind_runs(py::module_& module);
void bind_metrics(py::module_& module);
void bind_models(py::module_& module);
void bind_python_models(py::module_& module);

/// A data set that Python holds with what only a reading of all its frames tells (open_on_demand): its fingerprint.
const Dataset& whole(Dataset& dataset);

/// NaN stands for "none" in the library; Python says None.
inline py::object or_none(double value) { return std::isnan(value) ? py::object(py::none()) : py::float_(value); }
template <class T>
py::object or_none(const std::optional<T>& value) {
  return value ? py::cast(*value) : py::object(py::none());
}
inline py::object or_none(const std::optional<Modality>& value) {
  return value ? py::cast(std::string(modality_name(*value))) : py::object(py::none());
}

/// {"text": ..., "vision": ..., "audio": ...}
template <class T, class Convert>
py::dict by_modality(const PerModality<T>& values, Convert convert) {
  py::dict dict;
  for (const auto modality : kModalities)
    dict[py::str(std::string(modality_name(modality)))] = convert(values[modality]);
  return dict;
}
template <class T>
py::dict by_modality(const PerModality<T>& values) {
  return by_modality(values, [](const T& value) { return or_none(value); });
}

}  // namespace kuda::bindings
