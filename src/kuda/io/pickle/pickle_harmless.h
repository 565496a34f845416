#pragma once
// Private to io/: what people keep beside their features. Dictionaries of the standard library are read; dates, sets,
// pandas objects and the like are left out (Value::Kind::object), so that only a key that is used can be a reason to
// refuse a file.

#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {

void add_ordered_dict(PickleDialect& dialect);

/// defaultdict and Counter are dicts too. Leaves out dates, decimals, sets, complex numbers, paths, random states,
/// pandas and scipy objects, and no other.
void leave_out_harmless(PickleDialect& dialect);

}  // namespace kuda::io
