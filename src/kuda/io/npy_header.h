#pragma once
// Private to the .npy and .npz readers.

#include <cstdint>
#include <string>
#include <vector>

#include "kuda/base/error.h"

namespace kuda::io {

struct NpyHeader {
  std::string descr;  ///< "<f4"
  bool is_fortran = false;
  std::vector<std::int64_t> shape;
};

/// A sound .npy file of something that is no Array: text, objects, records. An archive may hold such beside numbers.
class UnsupportedNpy : public FormatError {
 public:
  using FormatError::FormatError;
};

}  // namespace kuda::io
