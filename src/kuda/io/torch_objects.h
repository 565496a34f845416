#pragma once
// Private to io/: what a pickle of torch.save names. Tensors become arrays over the bytes of their storages; what has
// no array (sparse, quantised, of a type that numpy has not) and every other object is left out, by its name.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {

/// The storages of one file: where the bytes of tensors lie.
class TorchStorages {
 public:
  TorchStorages() = default;
  TorchStorages(const TorchStorages&) = delete;
  TorchStorages& operator=(const TorchStorages&) = delete;
  virtual ~TorchStorages() = default;
  /// All bytes under that key; fails through `machine` where there are none.
  [[nodiscard]] virtual const ByteView& bytes(PickleMachine& machine, const std::string& key) = 0;
};

/// Throws FormatError at malformed tensors and at tensors beyond their storage. `storages` must outlive the dialect.
[[nodiscard]] PickleDialect torch_dialect(TorchStorages& storages);

/// What makes tensors of storages, and the names of types: the part of it that needs no file of torch.save.
void add_tensor_globals(PickleDialect& dialect);
/// torch.storage._load_from_bytes: a storage as bytes, inside a pickle of another writer.
void add_storage_in_bytes(PickleDialect& dialect);

/// Bytes of one element of a storage type of any release ("FloatStorage", "ComplexFloatStorage"); nothing where it is
/// none.
[[nodiscard]] std::optional<std::size_t> storage_item_size(std::string_view type) noexcept;

}  // namespace kuda::io
