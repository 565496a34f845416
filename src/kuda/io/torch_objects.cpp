#include "kuda/io/torch_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/pickle/pickle_harmless.h"
#include "kuda/io/pickle/pickle_numpy.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

/// Bytes of tensors, shared by all views of them.
struct StorageObject : ValueAccess::Opaque {
  ByteView data;
  std::optional<DType> dtype;  // nothing: untyped, the tensor says

  std::string describe() const override { return "a tensor's storage"; }
  Value settle(PickleMachine& /*machine*/) override { return ValueAccess::object(describe()); }
};

std::optional<DType> find_type(std::string_view name, std::string_view DTypeFacts::*field) {
  for (const DTypeFacts& facts : kDTypes)
    if (!(facts.*field).empty() && facts.*field == name) return facts.dtype;
  return std::nullopt;
}

const LeftOut* left_out(const Value& value) { return ValueAccess::opaque_as<LeftOut>(value); }

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
  if (const auto* unread = left_out(arguments[0])) return machine.leave_out("a tensor of " + unread->what);
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

/// The last argument of a tensor, where there is one: the conjugate and negative bits, which change the numbers.
bool is_altered_view(std::span<const Value> arguments, std::size_t at) {
  return arguments.size() > at && arguments[at].kind() == Kind::dict && arguments[at].size() > 0;
}
constexpr const char* kAlteredView = "a tensor with a conjugate or negative bit";

/// _rebuild_tensor(storage, offset, size, stride): of PyTorch 0.2 and before
Value rebuild_tensor(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 4) machine.fail("_rebuild_tensor takes 4 arguments");
  return make_tensor(machine, arguments, std::nullopt);
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
Value rebuild_tensor_v2(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 6 && arguments.size() != 7) machine.fail("_rebuild_tensor_v2 takes 6 or 7 arguments");
  if (is_altered_view(arguments, 6)) return machine.leave_out(kAlteredView);
  return make_tensor(machine, arguments, std::nullopt);
}

/// _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])
Value rebuild_tensor_v3(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 7 && arguments.size() != 8) machine.fail("_rebuild_tensor_v3 takes 7 or 8 arguments");
  if (is_altered_view(arguments, 7)) return machine.leave_out(kAlteredView);
  if (const auto* unread = left_out(arguments[6])) return machine.leave_out("a tensor of " + unread->what);
  const PickleGlobal& type = global_of(machine, arguments[6], "the dtype of a tensor");
  return make_tensor(machine, arguments, find_type(type.name, &DTypeFacts::name));
}

/// _rebuild_parameter(tensor, requires_grad, hooks), with a state of attributes or without; Parameter(tensor, ...)
Value rebuild_parameter(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.empty() || (arguments[0].kind() != Kind::array && left_out(arguments[0]) == nullptr))
    machine.fail("a parameter is made of a tensor");
  return arguments[0];
}

/// _rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes, or of a subclass
Value rebuild_from_type(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 4) machine.fail("_rebuild_from_type_v2 takes 4 arguments");
  if (const auto* unread = left_out(arguments[0])) return machine.leave_out(unread->what);
  const auto& global = global_of(machine, arguments[0], "what makes a tensor");
  if (global.call == nullptr || global.call == rebuild_from_type) machine.fail(global.describe() + " makes no tensor");
  return global.call(machine, machine.tuple_of(arguments[2], "the arguments of " + global.describe()));
}

/// _rebuild_device_tensor_from_numpy(array, dtype, device, requires_grad), or from a tensor: of other devices
Value rebuild_device_tensor(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() != 4) machine.fail("a tensor of another device takes 4 arguments");
  auto* opaque = ValueAccess::opaque_of(arguments[0]);
  Value array = opaque != nullptr ? opaque->settle(machine) : arguments[0];
  const auto* type = ValueAccess::opaque_as<PickleGlobal>(arguments[1]);
  if (array.kind() != Kind::array || type == nullptr || type->name != dtype_name(array.array().dtype))
    return machine.leave_out("a tensor of another device in another type");
  return array;
}

/// id: ("storage", type, key, location, number of elements (of bytes where untyped)[, view]), with view: none, or (key,
/// offset, elements) of a part, as PyTorch 0.3 and before write it; ("module", class, file, source) in old files.
Value find_storage(PickleMachine& machine, TorchStorages& storages, const Value& id) {
  const auto& items = machine.tuple_of(id, "a persistent id");
  const auto kind = items.empty() ? "" : machine.text_of(items[0], "a persistent id");
  if (kind == "module" && items.size() > 1) return items[1];
  if (kind != "storage" || (items.size() != 5 && items.size() != 6)) machine.fail("a persistent id that is no storage");
  if (left_out(items[1]) != nullptr) return items[1];
  const PickleGlobal& global = global_of(machine, items[1], "the type of a storage");
  const std::string key = machine.text_of(items[2], "the key of a storage");
  const auto count = static_cast<std::uint64_t>(machine.integer_of(items[4], "the size of a storage"));
  auto storage = std::make_shared<StorageObject>();
  storage->dtype = find_type(global.name, &DTypeFacts::storage);
  if (!storage->dtype && !global.name.ends_with("UntypedStorage")) machine.fail(global.describe() + " is no storage");
  storage->data = storages.bytes(machine, key);
  const std::uint64_t size = storage->dtype ? item_size(*storage->dtype) : 1;
  if (storage->data.bytes.size() % size != 0 || storage->data.bytes.size() / size != count)
    machine.fail(fmt::format("storage '{}' has {} bytes, {} elements of {} are expected", printable(key),
                             storage->data.bytes.size(), count, global.name));
  if (items.size() == 6 && items[5].kind() == Kind::tuple) {
    const auto& view = machine.tuple_of(items[5], "the view of a storage");
    if (view.size() != 3) machine.fail("the view of a storage has 3 entries");
    const auto offset = static_cast<std::uint64_t>(machine.integer_of(view[1], "the view of a storage"));
    const auto length = static_cast<std::uint64_t>(machine.integer_of(view[2], "the view of a storage"));
    if (offset > count || length > count - offset) machine.fail("a view goes beyond its storage");
    storage->data.bytes =
        storage->data.bytes.subspan(static_cast<std::size_t>(offset * size), static_cast<std::size_t>(length * size));
  }
  return machine.make_opaque(std::move(storage));
}

}  // namespace

void add_tensor_globals(PickleDialect& dialect) {
  constexpr std::string_view kUtils = "torch._utils";
  dialect.globals[{kUtils, "_rebuild_tensor"}] = rebuild_tensor;
  dialect.globals[{kUtils, "_rebuild_tensor_v2"}] = rebuild_tensor_v2;
  dialect.globals[{kUtils, "_rebuild_tensor_v3"}] = rebuild_tensor_v3;
  dialect.globals[{kUtils, "_rebuild_parameter"}] = rebuild_parameter;
  dialect.globals[{kUtils, "_rebuild_parameter_with_state"}] = rebuild_parameter;
  dialect.globals[{"torch.nn.parameter", "Parameter"}] = rebuild_parameter;
  dialect.globals[{"torch._tensor", "_rebuild_from_type_v2"}] = rebuild_from_type;
  for (const std::string_view name :
       {"_rebuild_device_tensor_from_numpy", "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor"})
    dialect.globals[{kUtils, name}] = rebuild_device_tensor;
  const auto leave_out = [&](std::string_view name, PickleCall call) { dialect.globals[{kUtils, name}] = call; };
  using Arguments = std::span<const Value>;
  leave_out("_rebuild_sparse_tensor", [](PickleMachine& m, Arguments) { return m.leave_out("a sparse tensor"); });
  leave_out("_rebuild_qtensor", [](PickleMachine& m, Arguments) { return m.leave_out("a quantised tensor"); });
  leave_out("_rebuild_nested_tensor", [](PickleMachine& m, Arguments) { return m.leave_out("a nested tensor"); });
  leave_out("_rebuild_meta_tensor_no_storage",
            [](PickleMachine& m, Arguments) { return m.leave_out("a tensor without data (meta)"); });
  leave_out("_rebuild_wrapper_subclass",
            [](PickleMachine& m, Arguments) { return m.leave_out("a tensor of a wrapper class"); });
  dialect.globals[{"torch.storage", "UntypedStorage"}] = nullptr;
  dialect.globals[{"torch.storage", "_UntypedStorage"}] = nullptr;
  for (const DTypeFacts& facts : kDTypes) {
    if (!facts.storage.empty()) {
      dialect.globals[{"torch", facts.storage}] = nullptr;
      dialect.globals[{"torch.cuda", facts.storage}] = nullptr;
    }
    dialect.globals[{"torch", facts.name}] = nullptr;
  }
}

PickleDialect torch_dialect(TorchStorages& storages) {
  PickleDialect dialect;
  add_numpy_globals(dialect);  // numbers beside the tensors are often numpy scalars
  add_ordered_dict(dialect);
  add_tensor_globals(dialect);
  dialect.persistent = [&storages](PickleMachine& machine, const Value& id) {
    return find_storage(machine, storages, id);
  };
  dialect.leaves_out = true;
  return dialect;
}

std::optional<std::size_t> storage_item_size(std::string_view type) noexcept {
  if (const auto dtype = find_type(type, &DTypeFacts::storage)) return item_size(*dtype);
  constexpr std::array<std::pair<std::string_view, std::size_t>, 8> kOthers{{{"UntypedStorage", 1},
                                                                             {"_UntypedStorage", 1},
                                                                             {"ComplexFloatStorage", 8},
                                                                             {"ComplexDoubleStorage", 16},
                                                                             {"QInt8Storage", 1},
                                                                             {"QUInt8Storage", 1},
                                                                             {"QInt32Storage", 4},
                                                                             {"QUInt4x2Storage", 1}}};
  for (const auto& [name, size] : kOthers)
    if (name == type) return size;
  return std::nullopt;
}

}  // namespace kuda::io
