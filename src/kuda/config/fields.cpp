#include "kuda/config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

std::string toml_of(bool value) { return value ? "true" : "false"; }
std::string toml_of(std::int64_t value) { return fmt::format("{}", value); }

std::string toml_of(double value) {
  if (std::isnan(value)) return "nan";
  std::string text = fmt::format("{}", value);  // shortest digits that read back to the same double
  if (text.find_first_of(".einf") == std::string::npos) text += ".0";
  return text;
}

std::string toml_of(const std::string& value) {
  if (!is_utf8(value)) throw ConfigError(fmt::format("the text \"{}\" is not UTF-8, which TOML requires", value));
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      text += {'\\', c};
    else if (c == '\n')
      text += "\\n";
    else if (c == '\t')
      text += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      text += fmt::format("\\u{:04X}", byte);
    else
      text += c;
  }
  return text + '"';
}

template <class T>
std::string toml_of(const std::vector<T>& values) {
  std::string text = "[";
  for (const auto& value : values) text += (text.size() > 1 ? ", " : "") + toml_of(value);
  return text + "]";
}

template <class T>
struct ItemOf {
  using type = T;
};
template <class T>
struct ItemOf<std::vector<T>> {
  using type = T;
};

/// True when each item (a single value counts as one) passes; std::logic_error when the check is not for such items.
template <class Item, class Test>
bool every_item(const FieldTarget& target, const Test& test) {
  return with_pointer(target, [&](const auto* value) -> bool {
    using Value = std::remove_cvref_t<decltype(*value)>;
    if constexpr (!std::is_convertible_v<typename ItemOf<Value>::type, Item> ||
                  std::is_same_v<typename ItemOf<Value>::type, bool>)
      throw std::logic_error("this check does not fit the type of its field");
    else if constexpr (std::is_same_v<Value, typename ItemOf<Value>::type>)
      return test(static_cast<Item>(*value));
    else
      return std::all_of(value->begin(), value->end(), [&](const auto& item) { return test(Item(item)); });
  });
}

}  // namespace

void Fields::add(Field field) { fields_.push_back(std::move(field)); }

FieldCheck one_of(std::vector<std::string> names) {
  return [names = std::move(names)](const FieldTarget& target) -> std::string {
    const auto is_known = [&](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (every_item<std::string>(target, is_known)) return "";
    auto shown = names;
    for (auto& name : shown)
      if (name.empty()) name = "\"\"";
    return "one of " + join(shown);
  };
}

FieldCheck at_least(double low) {
  return [low](const FieldTarget& target) -> std::string {
    if (every_item<double>(target, [low](double value) { return value >= low && std::isfinite(value); })) return "";
    return fmt::format("at least {}", low);
  };
}

FieldCheck between(double low, double high) {
  return [low, high](const FieldTarget& target) -> std::string {
    if (every_item<double>(target, [=](double value) { return value >= low && value <= high; })) return "";
    return fmt::format("{} to {}", low, high);
  };
}

std::string_view type_name(const FieldTarget& target) {
  static constexpr std::string_view kNames[] = {"true or false",      "an integer",        "a number",       "text",
                                                "a list of integers", "a list of numbers", "a list of text", "text"};
  static_assert(std::size(kNames) == std::variant_size_v<FieldTarget>);
  return kNames[target.index()];
}

std::string allowed_values(const Field& field) {
  if (!field.check) return "";
  // A check answers with what it expected, so it is asked with a value that no check accepts.
  std::string text;
  return with_pointer(std::holds_alternative<NamedTarget>(field.target) ? FieldTarget(&text) : field.target,
                      [&](auto* target) -> std::string {
                        using Value = std::remove_pointer_t<decltype(target)>;
                        using Item = typename ItemOf<Value>::type;
                        if constexpr (std::is_same_v<Item, bool>) {
                          return "";
                        } else {
                          Item item{};
                          if constexpr (std::is_same_v<Item, std::string>) item = "\x01";
                          if constexpr (std::is_same_v<Item, double>) item = std::numeric_limits<double>::quiet_NaN();
                          if constexpr (std::is_same_v<Item, std::int64_t>)
                            item = std::numeric_limits<std::int64_t>::min();
                          Value value;
                          if constexpr (std::is_same_v<Item, Value>)
                            value = item;
                          else
                            value = {item};
                          return field.check(&value);
                        }
                      });
}

std::string toml_value(const FieldTarget& target) {
  if (const auto* named = std::get_if<NamedTarget>(&target)) return toml_of(named->name());
  return with_pointer(target, [](const auto* value) { return toml_of(*value); });
}

}  // namespace kuda
