#pragma once
// Private to io/: what numpy's pickles name, as entries of a dialect. Nothing here looks anything up in numpy; the
// calls take the stored type, shape and bytes and make an Array of them.

#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {

/// _reconstruct, scalar, _frombuffer under the module names of numpy 1 and 2, ndarray, dtype, _codecs.encode(latin1),
/// bytes().
void add_numpy_globals(PickleDialect& dialect);

}  // namespace kuda::io
