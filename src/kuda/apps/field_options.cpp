#include "kuda/apps/field_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <type_traits>
#include <variant>

namespace kuda {

namespace {

std::string option_name(const Field& field) {
  std::string name = "--" + field.name;
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

void require_fine(const Field& field, const FieldTarget& value) {
  const std::string expected = field.check ? field.check(value) : "";
  if (!expected.empty()) throw UsageError(option_name(field) + ": expected " + expected);
}

/// Text on the command line; what is no name of a value does not reach the enum.
void add_named_option(CLI::App& verb, const Field& field, const NamedTarget& target) {
  verb.add_option_function<std::string>(
          option_name(field),
          [field, target](std::string name) {
            require_fine(field, &name);
            target.set(name);
          },
          field.help)
      ->default_str(target.name());
}

}  // namespace

void add_list_options(CLI::App& verb, const Fields& fields) {
  for (const auto& field : fields.list())
    if (const auto* named = std::get_if<NamedTarget>(&field.target))
      add_named_option(verb, field, *named);
    else
      with_pointer(field.target, [&](auto* target) {
        if constexpr (std::is_same_v<decltype(target), bool*>)
          verb.add_flag(option_name(field), *target, field.help);
        else
          verb.add_option(option_name(field), *target, field.help)->capture_default_str();
      });
}

void check_list(const Fields& fields) {
  for (const auto& field : fields.list())
    if (!std::holds_alternative<NamedTarget>(field.target)) require_fine(field, field.target);
}

}  // namespace kuda
