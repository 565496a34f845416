#pragma once
// One list of fields serves parsing, printing, help and the docs page: a field is written once, in the struct's
// `describe`.
//
//   struct TrainConfig {
//     double lr = 3e-5;
//     SelectBy select_by = SelectBy::mae;  // an enum with names: text outside
//     void describe(Fields& fields) {
//       fields.add("lr", lr, "learning rate after warm-up", at_least(0.0));
//       fields.add("select_by", select_by, "the selection value");
//       fields.add("save_every", save_every, "epochs between saved states", at_least(1), Effect::none);
//     }
//   };

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "kuda/base/named_values.h"

namespace kuda {

/// An enum behind a field. Outside it is text, one of the names in base/named_values.h.
class NamedTarget {
 public:
  template <NamedEnum E>
  explicit NamedTarget(E& value)
      : value_(&value),
        names_(kNamesOf<E>),
        get_([](const void* at) { return static_cast<std::size_t>(*static_cast<const E*>(at)); }),
        set_([](void* at, std::size_t place) { *static_cast<E*>(at) = static_cast<E>(place); }) {}
  [[nodiscard]] std::span<const char* const> names() const noexcept { return names_; }
  [[nodiscard]] std::string name() const { return names_[get_(value_)]; }
  /// Throws ConfigError for a name that is not in the table.
  void set(std::string_view name) const { set_(value_, place_of(name, names_, "value")); }

 private:
  void* value_;
  std::span<const char* const> names_;
  std::size_t (*get_)(const void*);
  void (*set_)(void*, std::size_t);
};

using FieldTarget = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<std::int64_t>*,
                                 std::vector<double>*, std::vector<std::string>*, NamedTarget>;

/// Calls `action` with the pointer; std::logic_error for a named value.
template <class Action>
auto with_pointer(const FieldTarget& target, const Action& action) {
  return std::visit(
      [&](const auto& held) -> decltype(action(static_cast<bool*>(nullptr))) {
        if constexpr (std::is_pointer_v<std::remove_cvref_t<decltype(held)>>)
          return action(held);
        else
          throw std::logic_error("a named value is read and written as text");
      },
      target);
}

/// What another value of a field does to a run. Runs are compared by it: which may continue, which may share a table.
enum class Effect {
  numbers,  ///< other numbers
  file,     ///< a file that the numbers come from: its name counts, the folder it lies in does not
  place,    ///< where files lie and what computes: the numbers of one experiment, to the last digits
  none      ///< no number, only how the work is done (how often it is saved)
};

/// Returns an empty string when the value is fine, else what was expected ("one of a, b"). A named value comes as text.
using FieldCheck = std::function<std::string(const FieldTarget&)>;

struct Field {
  std::string name;
  FieldTarget target;
  std::string help;  ///< one sentence, units and allowed values included
  FieldCheck check;  ///< may be empty
  Effect effect = Effect::numbers;
};

/// Checks apply to each item of a list. NaN is never in a range.
[[nodiscard]] FieldCheck one_of(std::vector<std::string> names);
[[nodiscard]] FieldCheck at_least(double low);              ///< numbers: value >= low
[[nodiscard]] FieldCheck between(double low, double high);  ///< numbers: low <= value <= high

class Fields {
 public:
  void add(Field field);
  template <class T>
  void add(std::string name, T& target, std::string help, FieldCheck check = {}, Effect effect = Effect::numbers) {
    add({std::move(name), &target, std::move(help), std::move(check), effect});
  }
  /// Without a check each of the enum's names is fine.
  template <NamedEnum E>
  void add(std::string name, E& target, std::string help, FieldCheck check = {}, Effect effect = Effect::numbers) {
    if (!check) check = one_of({kNamesOf<E>.begin(), kNamesOf<E>.end()});
    add({std::move(name), NamedTarget(target), std::move(help), std::move(check), effect});
  }
  [[nodiscard]] const std::vector<Field>& list() const noexcept { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// "true or false", "an integer", "a number", "text", "a list of integers", ...
[[nodiscard]] std::string_view type_name(const FieldTarget& target);
/// What the field's check says it expects ("one of a, b", "at least 0"); empty when everything goes.
[[nodiscard]] std::string allowed_values(const Field& field);
/// The current value as TOML: numbers in the shortest form that reads back to the same value, strings escaped.
/// Throws ConfigError for text that is not UTF-8, which TOML cannot hold.
[[nodiscard]] std::string toml_value(const FieldTarget& target);

}  // namespace kuda
