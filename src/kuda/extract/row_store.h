#pragma once
// Rows of numbers as they come: in memory as long as they are few, else in a file without a name, so that a clip of
// hours needs no memory for them.
//
//   RowStore store(64);
//   store.append(rows);                                   // [n, 64] float32, as often as there are some
//   const StoredRows stored = store.finish();             // stored.array [all, 64]

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/io/array.h"

namespace kuda {

struct StoredRows {
  io::Array array;                         ///< [rows, width] float32
  std::shared_ptr<const MappedFile> file;  ///< where they lie in one: its pages may be given back
};

class RowStore {
 public:
  /// Beyond that many bytes rows go to a file in the folder for temporary files (TMPDIR).
  explicit RowStore(std::int64_t width, std::size_t most_bytes = std::size_t{16} << 20U);
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;
  ~RowStore();

  /// [n, width] float32. Throws Error where there is no space for them.
  void append(const at::Tensor& rows);
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
  [[nodiscard]] StoredRows finish();  ///< once; nothing is appended after it

 private:
  void write_out();

  std::int64_t width_, rows_ = 0;
  std::size_t most_;           // numbers
  std::vector<float> recent_;  // not in the file yet
  int descriptor_ = -1;
};

}  // namespace kuda
