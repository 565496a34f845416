#pragma once
// One list of fields serves parsing, printing, help and the docs page: a field is written once, in the struct's
// `describe`.
//
//   struct TrainConfig {
//     double lr = 3e-5;
//     void describe(Fields& fields) { fields.add("lr", lr, "learning rate after warm-up", at_least(0.0)); }
//   };

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kuda {

using FieldTarget = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<std::int64_t>*,
                                 std::vector<double>*, std::vector<std::string>*>;

/// Returns an empty string when the value is fine, else what was expected ("one of a, b").
using FieldCheck = std::function<std::string(const FieldTarget&)>;

struct Field {
  std::string name;
  FieldTarget target;
  std::string help;  ///< one sentence, units and allowed values included
  FieldCheck check;  ///< may be empty
};

class Fields {
 public:
  void add(std::string name, FieldTarget target, std::string help, FieldCheck check = {});
  template <class T>
  void add(std::string name, T& target, std::string help, FieldCheck check = {}) {
    add(std::move(name), FieldTarget(&target), std::move(help), std::move(check));
  }
  [[nodiscard]] const std::vector<Field>& list() const noexcept { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// Checks apply to each item of a list. NaN is never in a range.
[[nodiscard]] FieldCheck one_of(std::vector<std::string> names);
[[nodiscard]] FieldCheck at_least(double low);              ///< numbers: value >= low
[[nodiscard]] FieldCheck between(double low, double high);  ///< numbers: low <= value <= high

/// "true or false", "an integer", "a number", "text", "a list of integers", ...
[[nodiscard]] std::string_view type_name(const FieldTarget& target);
/// What the field's check says it expects ("one of a, b", "at least 0"); empty when everything goes.
[[nodiscard]] std::string allowed_values(const Field& field);
/// The current value as TOML: numbers in the shortest form that reads back to the same value, strings escaped.
/// Throws ConfigError for text that is not UTF-8, which TOML cannot hold.
[[nodiscard]] std::string toml_value(const FieldTarget& target);

}  // namespace kuda
