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

}  // namespace

void add_list_options(CLI::App& verb, const Fields& fields) {
  for (const auto& field : fields.list())
    std::visit(
        [&](auto* target) {
          if constexpr (std::is_same_v<decltype(target), bool*>)
            verb.add_flag(option_name(field), *target, field.help);
          else
            verb.add_option(option_name(field), *target, field.help)->capture_default_str();
        },
        field.target);
}

void check_list(const Fields& fields) {
  for (const auto& field : fields.list()) {
    const std::string expected = field.check ? field.check(field.target) : "";
    if (!expected.empty()) throw UsageError(option_name(field) + ": expected " + expected);
  }
}

}  // namespace kuda
