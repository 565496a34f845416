#pragma once
// A list of fields as options of a verb: `vision_length` becomes --vision-length, with the field's help and default.
//
//   auto options = std::make_shared<SynthOptions>();
//   add_field_options(*verb, *options);               // fills *options while the command line is read
//   verb->callback([options] { check_fields(*options); ... });

#include <CLI/App.hpp>

#include <string>

#include "kuda/base/error.h"
#include "kuda/config/fields.h"

namespace kuda {

void add_list_options(CLI::App& verb, const Fields& fields);
/// Throws UsageError naming the option whose value fails its field's check.
void check_list(const Fields& fields);

template <class Struct>
void add_field_options(CLI::App& verb, Struct& options) {
  Fields fields;
  options.describe(fields);
  add_list_options(verb, fields);
}

template <class Struct>
void check_fields(Struct& options) {
  Fields fields;
  options.describe(fields);
  check_list(fields);
}

}  // namespace kuda
