#include "kuda/io/torch_zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_machine.h"
#include "kuda/io/pickle/pickle_numpy.h"
#include "kuda/io/zip.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

/// Bytes of tensors, shared by all views of them.
struct StorageObject : ValueAccess::Opaque {
  ByteView data;
  std::optional<DType> dtype;  // nothing: untyped, the tensor says

  std::string describe() const override { return "a tensor's storage"; }
  Value settle(PickleMachine& machine) override { machine.fail_at(offset, describe() + " is used as a value"); }
};

std::optional<DType> find_type(std::string_view name, std::string_view DTypeFacts::*field) {
  for (const DTypeFacts& facts : kDTypes)
    if (!(facts.*field).empty() && facts.*field == name) return facts.dtype;
  return std::nullopt;
}

const PickleGlobal& global_of(PickleMachine& machine, const Value& value, std::string_view what) {
  const auto* global = ValueAccess::opaque_as<PickleGlobal>(value);
  if (global == nullptr) machine.fail(fmt::format("{}: found {}", what, machine.describe(value)));
  return *global;
}

std::vector<std::int64_t> sizes_of(PickleMachine& machine, const Value& value, std::string_view what) {
  std::vector<std::int64_t> sizes;
  for (const Value& item : machine.tuple_of(value, what)) sizes.push_back(machine.integer_of(item, what));
  return sizes;
}

/// Elements from the first to the last that a view touches, 0 when it is empty; checked against `available`.
std::uint64_t checked_extent(PickleMachine& machine, const Array& array, std::uint64_t available) {
  if (array.shape.size() != array.strides.size() || array.shape.size() > kMaxDimensions)
    machine.fail("a tensor with as many strides as sizes is expected");
  const auto numel = checked_numel(array.shape, item_size(array.dtype));
  if (!numel) machine.fail(fmt::format("impossible shape [{}] of a tensor", fmt::join(array.shape, ", ")));
  if (*numel == 0) return 0;
  std::uint64_t last = 0;
  for (std::size_t axis = 0; axis < array.shape.size(); ++axis) {
    const auto steps = static_cast<std::uint64_t>(array.shape[axis] - 1);
    const auto stride = static_cast<std::uint64_t>(array.strides[axis]);  // a negative one becomes huge
    if (steps == 0) continue;
    if (stride > (available - last) / steps) machine.fail("a tensor goes beyond its storage");
    last += steps * stride;
  }
  // Expanded tensors repeat elements; a few bytes must not stand for terabytes.
  constexpr std::uint64_t kMaxExpanded = 1U << 24U;
  if (static_cast<std::uint64_t>(*numel) > std::max(available, kMaxExpanded))
    machine.fail("a tensor repeats its storage too often");
  return last + 1;
}

Value make_tensor(PickleMachine& machine, std::span<const Value> arguments, std::optional<DType> dtype) {
  const auto* storage = ValueAccess::opaque_as<StorageObject>(arguments[0]);
  if (storage == nullptr) machine.fail("a tensor without storage: found " + machine.describe(arguments[0]));
  if (!dtype) dtype = storage->dtype;
  if (!dtype) machine.fail("a tensor of an untyped storage needs a dtype");
  Array array;
  array.dtype = *dtype;
  array.shape = sizes_of(machine, arguments[2], "the size of a tensor");
  array.strides = sizes_of(machine, arguments[3], "the strides of a tensor");
  const std::uint64_t available = storage->data.bytes.size() / item_size(*dtype);
  const std::uint64_t extent = checked_extent(machine, array, available);
  const auto offset = static_cast<std::uint64_t>(machine.integer_of(arguments[1], "the offset of a tensor"));
  if (offset > available || extent > available - offset) machine.fail("a tensor goes beyond its storage");
  const auto start = static_cast<std::size_t>(offset) * item_size(*dtype);
  const auto bytes = storage->data.bytes.subspan(start, static_cast<std::size_t>(extent) * item_size(*dtype));
  if (*dtype == DType::boolean && !are_booleans(bytes)) machine.fail("a boolean tensor with bytes beyond 0 and 1");
  array.data = bytes.data();
  array.owner = storage->data.owner;
  machine.charge(sizeof(Array) + 32 * array.shape.size());
  return ValueAccess::array(std::move(array));
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
Value rebuild_tensor_v2(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 6 && arguments.size() != 7) machine.fail("_rebuild_tensor_v2 takes 6 or 7 arguments");
  return make_tensor(machine, arguments, std::nullopt);
}

/// _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
Value rebuild_tensor_v3(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 7 && arguments.size() != 8) machine.fail("_rebuild_tensor_v3 takes 7 or 8 arguments");
  const PickleGlobal& type = global_of(machine, arguments[6], "the dtype of a tensor");
  return make_tensor(machine, arguments, find_type(type.name, &DTypeFacts::name));
}

/// _rebuild_parameter(tensor, requires_grad, hooks)
Value rebuild_parameter(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 3 || arguments[0].kind() != Kind::array)
    machine.fail("_rebuild_parameter takes a tensor and two more arguments");
  return arguments[0];
}

Value ordered_dict(PickleMachine& machine, std::span<const Value> arguments) {
  if (!arguments.empty()) machine.fail("OrderedDict with arguments is not supported");
  return machine.make_dict();
}

/// The storages of one archive.
class Storages {
 public:
  Storages(ZipArchive& archive, std::string folder) : archive_(archive), folder_(std::move(folder)) {}

  /// id: ("storage", type, key, location, number of elements (of bytes where untyped))
  Value find(PickleMachine& machine, const Value& id) {
    const auto& items = machine.tuple_of(id, "a persistent id");
    if (items.size() != 5 || machine.text_of(items[0], "a persistent id") != "storage")
      machine.fail("a persistent id that is no storage");
    const PickleGlobal& global = global_of(machine, items[1], "the type of a storage");
    const std::string key = machine.text_of(items[2], "the key of a storage");
    const auto count = static_cast<std::uint64_t>(machine.integer_of(items[4], "the size of a storage"));
    auto storage = std::make_shared<StorageObject>();
    storage->dtype = find_type(global.name, &DTypeFacts::storage);
    if (!storage->dtype && global.name != "UntypedStorage") machine.fail(global.describe() + " is no storage");
    storage->data = bytes_of(key);
    const std::uint64_t size = storage->dtype ? item_size(*storage->dtype) : 1;
    if (storage->data.bytes.size() % size != 0 || storage->data.bytes.size() / size != count)
      machine.fail(fmt::format("storage '{}' has {} bytes, {} elements of {} are expected", printable(key),
                               storage->data.bytes.size(), count, global.name));
    return machine.make_opaque(std::move(storage));
  }

 private:
  const ByteView& bytes_of(const std::string& key) {
    const auto known = read_.find(key);
    if (known != read_.end()) return known->second;
    return read_.emplace(key, archive_.member(folder_ + "data/" + key)).first->second;
  }

  ZipArchive& archive_;
  std::string folder_;
  std::map<std::string, ByteView> read_;
};

PickleDialect torch_dialect(Storages& storages) {
  PickleDialect dialect;
  add_numpy_globals(dialect);  // numbers beside the tensors are often numpy scalars
  dialect.globals[{"torch._utils", "_rebuild_tensor_v2"}] = rebuild_tensor_v2;
  dialect.globals[{"torch._utils", "_rebuild_tensor_v3"}] = rebuild_tensor_v3;
  dialect.globals[{"torch._utils", "_rebuild_parameter"}] = rebuild_parameter;
  dialect.globals[{"collections", "OrderedDict"}] = ordered_dict;
  dialect.globals[{"torch.storage", "UntypedStorage"}] = nullptr;
  for (const DTypeFacts& facts : kDTypes) {
    if (!facts.storage.empty()) dialect.globals[{"torch", facts.storage}] = nullptr;
    dialect.globals[{"torch", facts.name}] = nullptr;
  }
  dialect.persistent = [&storages](PickleMachine& machine, const Value& id) { return storages.find(machine, id); };
  dialect.ignores_dict_state = true;
  dialect.hint = "only state dictionaries are read; in Python: torch.save(model.state_dict(), 'state.pth')";
  return dialect;
}

/// The folder of the archive that holds data.pkl, with its slash.
std::string pickle_folder(const ZipArchive& archive, const std::string& name) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const std::string& member : archive.names())
    if (member == kPickle || member.ends_with("/data.pkl")) return member.substr(0, member.size() - kPickle.size());
  throw FormatError(name + ": a zip archive without data.pkl: this is not a file of torch.save");
}

void refuse_other_formats(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.empty()) throw FormatError(name + ": byte 0: the file is empty");
  if (start.starts_with("PK")) return;
  if (start.starts_with("\x80"))
    throw FormatError(name + ": byte 0: the legacy (non-zip) format of torch.save is not supported",
                      "convert it in Python: state = torch.load(FILE, weights_only=True); "
                      "torch.save(state, FILE, _use_new_zipfile_serialization=True)");
  throw FormatError(name + ": byte 0: this is not a zip file, so not one of torch.save");
}

void check_archive(ZipArchive& archive, const std::string& folder, const std::string& name) {
  if (std::any_of(archive.names().begin(), archive.names().end(),
                  [&](const std::string& member) { return member.starts_with(folder + "code/"); }))
    throw FormatError(name + ": this is a TorchScript program, not a state dictionary",
                      "in Python: torch.save(torch.jit.load(FILE).state_dict(), 'state.pth')");
  if (!archive.contains(folder + "byteorder")) return;          // PyTorch before 2.1: little-endian
  const ByteView order = archive.member(folder + "byteorder");  // with its owner: a packed member is in memory
  if (std::string_view(reinterpret_cast<const char*>(order.bytes.data()), order.bytes.size()) != "little")
    throw FormatError(name + ": tensors in big-endian byte order are not supported");
}

bool has_arrays(const Value& dict) {
  return std::any_of(dict.entries().begin(), dict.entries().end(),
                     [](const auto& entry) { return entry.second.kind() == Kind::array; });
}

/// The dict that maps names to tensors: the root or one level below it.
const Value& find_state(const Value& root, const std::string& name) {
  if (root.kind() != Kind::dict)
    throw FormatError(fmt::format("{}: expected a dict of tensors, found a {}", name, root.kind_name()));
  for (const std::string_view key : {"state_dict", "model_state_dict", "model"}) {
    const Value* nested = root.find(key);
    if (nested != nullptr && nested->kind() == Kind::dict && has_arrays(*nested)) return *nested;
  }
  if (has_arrays(root) || root.size() == 0) return root;
  std::vector<std::string> keys;
  for (const auto& [key, value] : root.entries())
    if (key.kind() == Kind::text && keys.size() < 10) keys.push_back(printable(key.text()));
  throw FormatError(
      fmt::format("{}: no tensors in the dict, nor under state_dict or model; its keys: {}", name, join(keys)));
}

std::optional<std::string> plain_text(const Value& value) {
  switch (value.kind()) {
    case Kind::text:
      return value.text();
    case Kind::boolean:
      return value.boolean() ? "true" : "false";
    case Kind::integer:
      return std::to_string(value.integer());
    case Kind::real:
      return fmt::format("{}", value.real());
    default:
      return std::nullopt;
  }
}

void add_metadata(const Value& dict, std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : dict.entries())
    if (auto text = plain_text(value); text && key.kind() == Kind::text) metadata.emplace(key.text(), std::move(*text));
}

}  // namespace

ArrayFile read_torch_zip(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  refuse_other_formats(bytes, name);
  ZipArchive archive(bytes, std::move(owner), name);
  const std::string folder = pickle_folder(archive, name);
  check_archive(archive, folder, name);
  Storages storages(archive, folder);
  const PickleDialect dialect = torch_dialect(storages);
  ByteView pickle = archive.member(folder + "data.pkl");
  PickleMachine machine({pickle.bytes, pickle.owner, name + ": data.pkl"}, dialect);
  const Value root = machine.run();

  ArrayFile file;
  file.path = name;
  const Value& state = find_state(root, name);
  for (const auto& [key, value] : state.entries())
    if (value.kind() == Kind::array) {
      if (key.kind() != Kind::text)
        throw FormatError(fmt::format("{}: a tensor under a {} instead of a name", name, key.kind_name()));
      file.arrays.emplace(key.text(), value.array());
    }
  add_metadata(root, file.metadata);
  if (&state != &root) add_metadata(state, file.metadata);
  return file;
}

ArrayFile read_torch_zip(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_torch_zip(file->bytes(), file, path.string());
}

}  // namespace kuda::io
