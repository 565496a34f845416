#include "kuda/io/pickle/pickle.h"

#include <cstdlib>

#include "one_input.h"

namespace {

using kuda::io::Value;
using Kind = Value::Kind;

/// Walks the tree. Shared parts are walked again, so the steps are limited; the depth is, by the reader.
void walk(const Value& value, int& steps) {
  if (--steps < 0) return;
  switch (value.kind()) {
    case Kind::text:
    case Kind::bytes:
      static_cast<void>(value.text().size());
      return;
    case Kind::array:
      return kuda::fuzz::touch(value.array());
    case Kind::dict:
      for (const auto& [key, item] : value.entries()) {
        walk(key, steps);
        walk(item, steps);
        if (key.kind() == Kind::text && value.find(key.text()) == nullptr) std::abort();
      }
      return;
    case Kind::list:
    case Kind::tuple:
    case Kind::object_array:
      for (std::size_t i = 0; i < value.size(); ++i) walk(value[i], steps);
      return;
    default:
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto owner, const auto& name) {
    int steps = 10000;
    walk(kuda::io::read_pickle(bytes, owner, name), steps);
  });
}
