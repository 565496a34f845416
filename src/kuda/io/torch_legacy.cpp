// The format of torch.save before PyTorch 1.6: pickles one after the other (a magic number, a version, facts of the
// system, the object, the keys of its storages), then for each key eight bytes with the number of elements, and these.

#include <fmt/format.h>

#include <map>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/torch_file.h"
#include "kuda/io/torch_objects.h"
#include "kuda/io/torch_state.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

constexpr std::int64_t kProtocolVersion = 1001;
// LONG1 of ten bytes: 0x1950a86a20f9469cfc6c
constexpr std::string_view kMagic = "\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.";

/// What the object says of a storage before its bytes are known.
struct Announced {
  std::size_t item_size = 0;
  std::uint64_t count = 0;
};

class LegacyStorages : public TorchStorages {
 public:
  const ByteView& bytes(PickleMachine& machine, const std::string& key) override {
    const auto found = of_key.find(key);
    if (found == of_key.end()) machine.fail(fmt::format("storage '{}' has no bytes in the file", printable(key)));
    return found->second;
  }
  std::map<std::string, ByteView> of_key;
};

class LegacyReader {
 public:
  LegacyReader(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string name)
      : bytes_(bytes), owner_(std::move(owner)), name_(std::move(name)) {}

  ArrayFile read() {
    PickleDialect plain;  // everything is left out but numbers, text and lists
    plain.leaves_out = true;
    skip_start();
    const Value version = pickle(plain);
    if (version.kind() != Kind::integer || version.integer() != kProtocolVersion)
      fail(fmt::format("the version of the format is not {}", kProtocolVersion));
    static_cast<void>(pickle(plain));  // byte order and sizes of the system; storages are little-endian in any case
    const std::size_t object = at_;
    // The bytes come after the object that needs them, so it is read twice: first for its storages.
    plain.persistent = [this](PickleMachine& machine, const Value& id) { return announce(machine, id); };
    plain.ignores_dict_state = true;
    static_cast<void>(pickle(plain));
    const Value keys = pickle(plain);
    find_storages(keys);
    if (at_ != bytes_.size())
      log_warning("{}: {} bytes after the end of the tensors are ignored", name_, bytes_.size() - at_);
    at_ = object;
    return state_in(pickle(torch_dialect(storages_)), name_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw FormatError(fmt::format("{}: byte {}: {}", name_, at_, message));
  }

  void skip_start() {
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    at_ = text.find(kMagic) + kMagic.size();  // is_torch_legacy has seen it
  }

  Value pickle(const PickleDialect& dialect) {
    PickleMachine machine({bytes_, owner_, name_, nullptr, at_}, dialect);
    Value value = machine.run();
    at_ = bytes_.size() - machine.trailing_bytes();
    return value;
  }

  Value announce(PickleMachine& machine, const Value& id) {
    const auto& items = machine.tuple_of(id, "a persistent id");
    if (items.size() < 5 || machine.text_of(items[0], "a persistent id") != "storage")
      return machine.leave_out("a persistent id");
    const std::string type = machine.describe(items[1]);
    const auto size = storage_item_size(type.substr(type.find_last_of('.') + 1));
    if (!size) machine.fail(printable(type) + " is no storage");
    const std::string key = machine.text_of(items[2], "the key of a storage");
    const auto count = static_cast<std::uint64_t>(machine.integer_of(items[4], "the size of a storage"));
    if (count > bytes_.size() / *size)
      machine.fail(fmt::format("storage '{}': {} elements of {} bytes, the file has {} bytes", printable(key), count,
                               *size, bytes_.size()));
    const auto [known, is_new] = announced_.try_emplace(key, Announced{*size, count});
    if (!is_new && (known->second.item_size != *size || known->second.count != count))
      machine.fail(fmt::format("storage '{}' has two sizes", printable(key)));
    machine.charge(is_new ? 2 * sizeof(Announced) + key.size() + 64 : 0);
    return machine.leave_out("a tensor's storage");
  }

  void find_storages(const Value& keys) {
    if (keys.kind() != Kind::list) fail(fmt::format("expected the keys of storages, found a {}", keys.kind_name()));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].kind() != Kind::text) fail("the key of a storage is no text");
      const std::string& key = keys[i].text();
      const auto known = announced_.find(key);
      if (known == announced_.end()) fail(fmt::format("storage '{}' belongs to no tensor", printable(key)));
      const auto count = number();
      if (count != known->second.count)
        fail(fmt::format("storage '{}' has {} elements, {} are expected", printable(key), count, known->second.count));
      const std::uint64_t size = count * known->second.item_size;  // announce() has bounded it
      if (size > bytes_.size() - at_)
        fail(fmt::format("truncated: storage '{}' needs {} bytes, the file has {} more", printable(key), size,
                         bytes_.size() - at_));
      const ByteView view{bytes_.subspan(at_, static_cast<std::size_t>(size)), owner_};
      if (!storages_.of_key.emplace(key, view).second) fail(fmt::format("storage '{}' comes twice", printable(key)));
      at_ += static_cast<std::size_t>(size);
    }
  }

  std::uint64_t number() {
    if (bytes_.size() - at_ < 8) fail("truncated: expected the size of a storage");
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at_ + i]);
    at_ += 8;
    return value;
  }

  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  std::string name_;
  std::size_t at_ = 0;
  std::map<std::string, Announced> announced_;
  LegacyStorages storages_;
};

}  // namespace

bool is_torch_legacy(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kLongestStart = 16;  // PROTO and FRAME before the number
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, kLongestStart + kMagic.size()).find(kMagic) != std::string_view::npos;
}

ArrayFile read_torch_legacy(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string& name) {
  return LegacyReader(bytes, std::move(owner), name).read();
}

}  // namespace kuda::io
