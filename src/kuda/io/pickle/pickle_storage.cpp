// torch.storage._load_from_bytes: how a storage comes into a pickle that torch.save did not write (MMSA-FET with
// return_type='pt'). Its bytes are a file of the format before 1.6 that holds this one storage: pickles of a magic
// number, the format's version, what the machine was, the storage as a persistent id and the list of keys; then the
// number of elements, and the elements.

#include <fmt/format.h>

#include "kuda/io/pickle/pickle_chunk.h"
#include "kuda/io/torch_file.h"
#include "kuda/io/torch_objects.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

class StorageInBytes final : public TorchStorages {
 public:
  StorageInBytes(PickleMachine& outer, ByteView file) : outer_(outer), file_(std::move(file)) {}

  /// The storage as a tensor takes it.
  Value read() {
    if (!is_torch_legacy(file_.bytes)) outer_.fail("the bytes of a storage are no file of torch.save");
    static_cast<void>(next());
    static_cast<void>(next());
    require_little_endian(next());
    const std::size_t storage_at = at_;
    static_cast<void>(next());
    require_one_key(next());
    constexpr std::size_t kCount = sizeof(std::uint64_t);  // told again by the persistent id, which is checked
    if (file_.bytes.size() - at_ < kCount) outer_.fail("the bytes of a storage are truncated");
    elements_ = {file_.bytes.subspan(at_ + kCount), file_.owner};
    at_ = storage_at;
    is_known_ = true;
    static_cast<void>(next());
    if (ValueAccess::opaque_of(storage_) == nullptr) outer_.fail("the bytes of a storage hold something else");
    return storage_;
  }

  const ByteView& bytes(PickleMachine& /*machine*/, const std::string& /*key*/) override { return elements_; }

 private:
  Value next() {
    PickleDialect dialect = torch_dialect(*this);
    const auto find = dialect.persistent;
    dialect.persistent = [&](PickleMachine& machine, const Value& id) {
      return storage_ = is_known_ ? find(machine, id) : machine.leave_out("a storage");
    };
    PickleMachine machine({file_.bytes, file_.owner, outer_.name() + ": a storage in bytes", nullptr, at_}, dialect);
    Value value = machine.run();
    at_ = file_.bytes.size() - machine.trailing_bytes();
    return value;
  }

  void require_little_endian(const Value& system) {
    const Value* little = system.kind() == Kind::dict ? system.find("little_endian") : nullptr;
    if (little == nullptr || little->kind() != Kind::boolean || !little->boolean())
      outer_.fail("a storage in big-endian byte order is not supported");
  }

  void require_one_key(const Value& keys) {
    if (keys.kind() != Kind::list || keys.size() != 1) outer_.fail("the bytes of a storage hold more than one");
  }

  PickleMachine& outer_;
  ByteView file_, elements_;
  std::size_t at_ = 0;
  bool is_known_ = false;  // where the elements lie
  Value storage_;
};

Value load_from_bytes(PickleMachine& machine, std::span<const Value> arguments) {
  auto* chunk = arguments.size() == 1 ? ValueAccess::opaque_as<PickleChunk>(arguments[0]) : nullptr;
  if (chunk == nullptr) machine.fail("_load_from_bytes takes the bytes of a storage");
  return StorageInBytes(machine, chunk->raw(machine)).read();
}

}  // namespace

void add_storage_in_bytes(PickleDialect& dialect) {
  dialect.globals[{"torch.storage", "_load_from_bytes"}] = load_from_bytes;
}

}  // namespace kuda::io
