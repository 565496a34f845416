#pragma once
// Private to the pickle reader: how values are built. A finished tree holds no Opaque and no cycle.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kuda/io/pickle/value.h"

namespace kuda::io {

/// Children of a list, tuple, dict or object array. Mutable while a pickle is read, shared and constant afterwards.
struct Value::Container {
  struct Dict {
    Entries entries;
    std::unordered_map<std::string_view, std::size_t> text_keys;  // into the keys of `entries`
  };
  std::vector<Value> items;
  std::unique_ptr<Dict> dict;                        // of a dict only
  std::unique_ptr<std::vector<std::int64_t>> shape;  // of an object array only
  int height = 0;                                    // 0 not looked at, -1 being looked at, else levels below and here

  [[nodiscard]] std::size_t num_children() const { return dict ? 2 * dict->entries.size() : items.size(); }
  [[nodiscard]] Value& child(std::size_t index) {
    if (!dict) return items[index];
    auto& entry = dict->entries[index / 2];
    return index % 2 == 0 ? entry.first : entry.second;
  }
};

class PickleMachine;

/// What only the machine knows: globals, dtypes, arrays that wait for their state, bytes still in the file.
struct Value::Opaque {
  std::size_t offset = 0;  ///< byte of the opcode that made it, for messages
  virtual ~Opaque() = default;
  /// For messages: "the global numpy.dtype".
  [[nodiscard]] virtual std::string describe() const = 0;
  /// The plain value it stands for. Throws FormatError when there is none.
  [[nodiscard]] virtual Value settle(PickleMachine& machine) = 0;
  /// The BUILD opcode. Throws FormatError where the state does not fit.
  virtual void build(PickleMachine& machine, const Value& state);
};

struct ValueAccess {
  using Container = Value::Container;
  using Opaque = Value::Opaque;

  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value real(double value);
  static Value text(std::string value);
  static Value bytes(std::string value);
  static Value object(std::string name);  ///< of something that is not read: only its name is kept
  static Value array(Array value);
  static Value container(Value::Kind kind, std::shared_ptr<Container> node);
  static Value opaque(std::shared_ptr<Opaque> node);

  /// nullptr when the value is something else.
  [[nodiscard]] static const std::shared_ptr<Container>* container_of(const Value& value);
  [[nodiscard]] static Opaque* opaque_of(const Value& value);
  template <class T>
  [[nodiscard]] static T* opaque_as(const Value& value) {
    return dynamic_cast<T*>(opaque_of(value));
  }
};

}  // namespace kuda::io
