#pragma once
// A tree of plain values as a pickle holds them. Values share their children, so copies are cheap and immutable.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kuda/io/array.h"

namespace kuda::io {

class Value {
 public:
  enum class Kind { none, boolean, integer, real, text, bytes, list, tuple, dict, array, object_array, object };
  using Entries = std::vector<std::pair<Value, Value>>;

  Value() = default;  ///< none
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::string_view kind_name() const noexcept;  ///< "list", "array", ...

  // Each accessor throws DataError naming the kind found when the value is of another kind.
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer() const;
  [[nodiscard]] double real() const;                                    ///< real or integer
  [[nodiscard]] const std::string& text() const;                        ///< text (UTF-8), bytes; name of an object
  [[nodiscard]] const Array& array() const;                             ///< numeric arrays only
  [[nodiscard]] const std::vector<std::int64_t>& object_shape() const;  ///< of an object_array
  [[nodiscard]] std::size_t size() const;                               ///< items of list, tuple, object_array, dict
  [[nodiscard]] const Value& operator[](std::size_t index) const;       ///< list, tuple, object_array (C order)
  [[nodiscard]] const Entries& entries() const;                         ///< of a dict, in file order
  [[nodiscard]] const Value* find(std::string_view key) const;  ///< of a dict with text keys; nullptr when absent

 private:
  friend struct ValueAccess;  // the pickle reader builds values through this
  struct Container;
  struct Opaque;
  using Content = std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                               std::shared_ptr<const Array>, std::shared_ptr<Container>, std::shared_ptr<Opaque>>;
  Value(Kind kind, Content content);
  [[nodiscard]] const Container& container(std::string_view expected) const;
  [[noreturn]] void refuse(std::string_view expected) const;

  Kind kind_ = Kind::none;
  Content content_;
};

}  // namespace kuda::io
