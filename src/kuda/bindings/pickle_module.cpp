// The module kuda._pickle: pickles of others as plain values and arrays of numpy. It is a part of its own, because it
// needs no LibTorch.

#include <cstdint>
#include <unordered_map>

#include "kuda/bindings/python.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda::bindings {
namespace {

using io::Value;

/// Values of a tree as those of Python. What the tree shares, the result shares: a small pickle may name one list a
/// million times.
class Converter {
 public:
  py::object convert(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::none:
        return py::none();
      case Value::Kind::boolean:
        return py::bool_(value.boolean());
      case Value::Kind::integer:
        return py::int_(value.integer());
      case Value::Kind::real:
        return py::float_(value.real());
      case Value::Kind::text:
        return text_of(value.text());
      case Value::Kind::bytes:
        return py::bytes(value.text());
      case Value::Kind::array:
        return once(&value.array(), [&] { return array_of(value.array()); });
      case Value::Kind::object:
        return py::module_::import("kuda.pickles").attr("LeftOut")(text_of(value.text()));
      default:
        return value.size() == 0 ? made(value) : once(place_of(value), [&] { return made(value); });
    }
  }

 private:
  static const void* place_of(const Value& value) {
    if (value.kind() == Value::Kind::dict) return &value.entries();
    return &value[0];
  }

  template <class Make>
  py::object once(const void* place, Make make) {
    if (const auto found = made_.find(place); found != made_.end()) return found->second;
    py::object object = make();
    made_.emplace(place, object);
    return object;
  }

  py::list items_of(const Value& value) {
    py::list items;
    for (std::size_t i = 0; i < value.size(); ++i) items.append(convert(value[i]));
    return items;
  }

  py::object made(const Value& value) {
    if (value.kind() == Value::Kind::dict) {
      py::dict dict;
      for (const auto& [key, content] : value.entries()) dict[convert(key)] = convert(content);
      return std::move(dict);
    }
    auto items = items_of(value);
    if (value.kind() == Value::Kind::list) return std::move(items);
    if (value.kind() == Value::Kind::tuple) return py::tuple(items);
    const py::array flat(py::dtype("O"), std::vector<py::ssize_t>{static_cast<py::ssize_t>(items.size())});
    for (std::size_t i = 0; i < items.size(); ++i) flat[py::int_(i)] = items[i];
    return flat.attr("reshape")(py::cast(value.object_shape()));
  }

  std::unordered_map<const void*, py::object> made_;
};

py::object read(const std::filesystem::path& path) {
  const auto root = without_gil([&] { return io::read_pickle(path); });
  return Converter().convert(root);
}

}  // namespace

PYBIND11_MODULE(_pickle, module) {
  translate_errors();
  bind_log(module);
  module.def("read_pickle", &read, py::arg("path"));
}

}  // namespace kuda::bindings
