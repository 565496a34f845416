// Metrics and paired tests, as the tables of results count them.

#include "kuda/metrics/metrics.h"
#include "kuda/bindings/modules.h"
#include "kuda/metrics/statistics.h"

namespace kuda::bindings {
namespace {

template <class T>
using Numbers = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
std::span<const T> span_of(const Numbers<T>& values, const char* name) {
  if (values.ndim() != 1)
    throw ShapeError(std::string(name) + ": expected one number a clip, found " + std::to_string(values.ndim()) +
                     " dimensions");
  return {values.data(), static_cast<std::size_t>(values.size())};
}

py::dict evaluate(const std::string& family, const Numbers<float>& predictions, const Numbers<float>& labels) {
  const auto metrics =
      evaluate_metrics(metric_family(family), span_of(predictions, "predictions"), span_of(labels, "labels"));
  py::dict values;
  for (const auto& metric : metrics.values) values[py::str(metric.name)] = metric.value;
  return values;
}

}  // namespace

void bind_metrics(py::module_& module) {
  module.def("evaluate_metrics", &evaluate, py::arg("family"), py::arg("predictions"), py::arg("labels"));
  module.def(
      "score_class",
      [](const std::string& family, int classes, float score) {
        return score_class(metric_family(family), classes, score);
      },
      py::arg("family"), py::arg("classes"), py::arg("score"));
  module.def(
      "permutation_test",
      [](const Numbers<double>& differences, std::size_t count, std::uint64_t seed) {
        const auto values = span_of(differences, "differences");
        return without_gil([&] { return permutation_test(values, {count, seed}); });
      },
      py::arg("differences"), py::arg("count"), py::arg("seed"));
  module.def("mcnemar_test", &mcnemar_test, py::arg("only_first"), py::arg("only_second"));
  module.def(
      "holm",
      [](const Numbers<double>& p_values, std::size_t family) { return holm(span_of(p_values, "p_values"), family); },
      py::arg("p_values"), py::arg("family"));
  module.def(
      "summarise",
      [](const Numbers<double>& values) {
        const auto summary = summarise(span_of(values, "values"));
        py::dict facts;
        facts["n"] = summary.n;
        facts["mean"] = summary.mean;
        facts["deviation"] = summary.deviation;
        facts["low"] = summary.interval.low;
        facts["high"] = summary.interval.high;
        return facts;
      },
      py::arg("values"));
}

}  // namespace kuda::bindings
