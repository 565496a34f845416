#include "kuda/io/pickle/pickle_numpy.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/utf8.h"
#include "kuda/io/layout.h"
#include "kuda/io/pickle/pickle_chunk.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

/// numpy.dtype: the type string first, byte order and size from its state.
struct DtypeObject : ValueAccess::Opaque {
  std::string text;
  NumpyType type;

  std::string describe() const override { return "the dtype " + printable(text); }
  Value settle(PickleMachine& machine) override {
    if (machine.leaves_out()) return ValueAccess::object(describe());
    machine.fail_at(offset, describe() + " is used as a value");
  }
  void build(PickleMachine& machine, const Value& state) override;
};

/// state: (3, byte order, None, None, None, item size, alignment, flags[, metadata])
void DtypeObject::build(PickleMachine& machine, const Value& state) {
  const auto& items = machine.tuple_of(state, "the state of a dtype");
  if (items.size() != 8 && items.size() != 9)
    machine.fail(fmt::format("the state of a dtype has 8 or 9 entries, found {}", items.size()));
  const std::string order = machine.text_of(items[1], "the byte order of a dtype");
  if (order != "<" && order != ">" && order != "|" && order != "=")
    machine.fail(fmt::format("byte order '{}' of a dtype", printable(order)));
  for (std::size_t i = 2; i < 5; ++i)  // of records, whose type is V and which are left out before
    if (items[i].kind() != Kind::none || ValueAccess::opaque_of(items[i]) != nullptr)
      machine.fail("a structured dtype is not supported: " + printable(text));
  const std::int64_t size = machine.integer_of(items[5], "the item size of a dtype");
  const bool is_string = type.kind == NumpyType::Kind::text || type.kind == NumpyType::Kind::bytes;
  if (size < (is_string ? 0 : -1)) machine.fail(fmt::format("item size {} of {}", size, describe()));
  if (is_string ? static_cast<std::uint64_t>(size) != type.item_size
                : size > 0 && static_cast<std::uint64_t>(size) != type.item_size)
    machine.fail(fmt::format("item size {} does not fit {}", size, describe()));
  type.is_big_endian = order == ">";
}

/// numpy.ndarray between _reconstruct and BUILD.
struct PendingArray : ValueAccess::Opaque {
  Value value;
  bool is_built = false;

  std::string describe() const override { return "a numpy array"; }
  Value settle(PickleMachine& machine) override {
    if (!is_built) machine.fail_at(offset, "an array without data");
    return value;
  }
  void build(PickleMachine& machine, const Value& state) override;
};

struct Layout {
  std::vector<std::int64_t> shape, strides;
  std::int64_t numel = 0;
};

const DtypeObject& dtype_of(PickleMachine& machine, const Value& value) {
  const auto* dtype = ValueAccess::opaque_as<DtypeObject>(value);
  if (dtype == nullptr) machine.fail("expected a dtype, found " + machine.describe(value));
  return *dtype;
}

PickleChunk& chunk_of(PickleMachine& machine, const Value& value, std::string_view what) {
  auto* chunk = ValueAccess::opaque_as<PickleChunk>(value);
  if (chunk == nullptr) machine.fail(fmt::format("{}: expected bytes, found {}", what, machine.describe(value)));
  return *chunk;
}

Layout layout_of(PickleMachine& machine, const Value& shape, const NumpyType& type, bool is_fortran) {
  Layout layout;
  const auto& dims = machine.tuple_of(shape, "the shape of an array");
  if (dims.size() > kMaxDimensions)
    machine.fail(fmt::format("an array of {} dimensions (at most {})", dims.size(), kMaxDimensions));
  for (const Value& dim : dims) layout.shape.push_back(machine.integer_of(dim, "the shape of an array"));
  const auto numel = checked_numel(layout.shape, std::max<std::size_t>(type.item_size, 1));
  if (!numel) machine.fail(fmt::format("impossible shape [{}] of an array", fmt::join(layout.shape, ", ")));
  layout.numel = *numel;
  layout.strides = is_fortran ? fortran_strides(layout.shape) : contiguous_strides(layout.shape);
  machine.charge(sizeof(Array) + 32 * dims.size());
  return layout;
}

bool has_surrogate(std::span<const std::byte> item, bool is_big_endian) {
  for (std::size_t at = 0; at + 4 <= item.size(); at += 4) {
    const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(item[at + (is_big_endian ? i : 3 - i)]); };
    if (byte(0) == 0 && byte(1) == 0 && byte(2) >= 0xD8 && byte(2) <= 0xDF) return true;
  }
  return false;
}

/// Items of a string array as text (bytes where an 'S' item is not UTF-8), in C order.
Value string_array(PickleMachine& machine, const NumpyType& type, const ByteView& data, Layout layout) {
  machine.charge(static_cast<std::uint64_t>(layout.numel));  // before the product below can be large
  machine.charge(static_cast<std::uint64_t>(layout.numel) * (sizeof(Value) + 48) + data.bytes.size());
  std::vector<Value> items;
  items.reserve(static_cast<std::size_t>(layout.numel));
  std::vector<std::int64_t> index(layout.shape.size(), 0);
  for (std::int64_t i = 0; i < layout.numel; ++i) {
    std::int64_t element = 0;
    for (std::size_t axis = 0; axis < index.size(); ++axis) element += index[axis] * layout.strides[axis];
    const auto item = data.bytes.subspan(static_cast<std::size_t>(element) * type.item_size, type.item_size);
    if (type.kind == NumpyType::Kind::text) {
      auto text = utf32_to_utf8(item, type.is_big_endian);
      if (!text) machine.fail(fmt::format("item {} of a text array has a code point beyond U+10FFFF", i));
      items.push_back(machine.leaves_out() && has_surrogate(item, type.is_big_endian)
                          ? ValueAccess::object(kLoneSurrogate)
                          : ValueAccess::text(std::move(*text)));
    } else {
      std::string_view bytes(reinterpret_cast<const char*>(item.data()), item.size());
      bytes = bytes.substr(0, bytes.find_last_not_of('\0') + 1);  // npos + 1 == 0: all zeros
      auto text = clean_utf8(bytes);
      items.push_back(text ? ValueAccess::text(std::move(*text)) : ValueAccess::bytes(std::string(bytes)));
    }
    for (std::size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < layout.shape[axis]) break;
      index[axis] = 0;
    }
  }
  return machine.make_object_array(std::move(layout.shape), std::move(items));
}

Value array_of_bytes(PickleMachine& machine, const NumpyType& type, PickleChunk& chunk, Layout layout) {
  ByteView data =
      chunk.swapped(machine, type.kind == NumpyType::Kind::number && type.is_big_endian ? type.item_size : 1);
  const auto expected = static_cast<std::uint64_t>(layout.numel) * type.item_size;
  if (data.bytes.size() != expected)
    machine.fail(fmt::format("an array of shape [{}] needs {} bytes, the file has {}", fmt::join(layout.shape, ", "),
                             expected, data.bytes.size()));
  if (type.kind != NumpyType::Kind::number) return string_array(machine, type, data, std::move(layout));
  if (type.dtype == DType::boolean && !are_booleans(data.bytes))
    machine.fail("a boolean array with bytes beyond 0 and 1");
  Array array;
  array.dtype = type.dtype;
  array.shape = std::move(layout.shape);
  array.strides = std::move(layout.strides);
  array.data = data.bytes.data();
  array.owner = std::move(data.owner);
  return ValueAccess::array(std::move(array));
}

/// state: (1, shape, dtype, is Fortran order, bytes or list of objects)
void PendingArray::build(PickleMachine& machine, const Value& state) {
  const auto& items = machine.tuple_of(state, "the state of an array");
  if (items.size() != 5) machine.fail(fmt::format("the state of an array has 5 entries, found {}", items.size()));
  if (is_built) machine.fail("an array gets its data twice");
  if (const auto* unread = ValueAccess::opaque_as<LeftOut>(items[2])) {
    value = ValueAccess::object("a numpy array of " + unread->what);
    is_built = true;
    return;
  }
  const DtypeObject& dtype = dtype_of(machine, items[2]);
  const bool is_fortran = items[3].kind() == Kind::boolean ? items[3].boolean()
                                                           : machine.integer_of(items[3], "the order of an array") != 0;
  Layout layout = layout_of(machine, items[1], dtype.type, is_fortran);
  if (dtype.type.kind != NumpyType::Kind::object) {
    value = array_of_bytes(machine, dtype.type, chunk_of(machine, items[4], "array data"), std::move(layout));
  } else {
    if (items[4].kind() != Kind::list)
      machine.fail("an object array needs a list of objects, found " + machine.describe(items[4]));
    const auto& objects = (*ValueAccess::container_of(items[4]))->items;
    if (static_cast<std::uint64_t>(layout.numel) != objects.size())
      machine.fail(
          fmt::format("an object array of shape [{}] has {} objects", fmt::join(layout.shape, ", "), objects.size()));
    machine.charge(objects.size() * sizeof(Value));
    value = machine.make_object_array(std::move(layout.shape), objects);  // numpy lists them in C order, always
  }
  is_built = true;
}

void expect_arguments(PickleMachine& machine, std::span<const Value> arguments, std::size_t least, std::size_t most,
                      std::string_view what) {
  if (arguments.size() < least || arguments.size() > most)
    machine.fail(fmt::format("{} takes {} to {} arguments, found {}", what, least, most, arguments.size()));
}

/// _reconstruct(ndarray, (0,), b"b"): the shape and type here are placeholders; nothing is made of them.
Value reconstruct(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 3, 3, "_reconstruct");
  const auto* global = ValueAccess::opaque_as<PickleGlobal>(arguments[0]);
  if (const auto* unread = ValueAccess::opaque_as<LeftOut>(arguments[0])) return machine.leave_out(unread->what);
  if (global == nullptr || (global->name != "ndarray" && global->name != "memmap"))
    machine.fail("_reconstruct makes numpy.ndarray only, found " + machine.describe(arguments[0]));
  return machine.make_opaque(std::make_shared<PendingArray>());
}

Value make_dtype(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 1, 3, "numpy.dtype");
  if (const auto* unread = ValueAccess::opaque_as<LeftOut>(arguments[0])) return machine.leave_out(unread->what);
  auto dtype = std::make_shared<DtypeObject>();
  dtype->text = machine.text_of(arguments[0], "the type string of numpy.dtype");
  const auto type = parse_numpy_type(dtype->text);
  if (!type && machine.leaves_out()) return machine.leave_out(dtype->describe());
  if (!type) machine.fail(fmt::format("dtype '{}' is not supported", printable(dtype->text)));
  dtype->type = *type;
  return machine.make_opaque(std::move(dtype));
}

/// _convert_to_stringdtype_kwargs(coerce, ...): numpy 2's StringDType, whose pickled data are a list of texts.
Value make_string_dtype(PickleMachine& machine, std::span<const Value> /*arguments*/) {
  auto dtype = std::make_shared<DtypeObject>();
  dtype->text = "StringDType";
  dtype->type.kind = NumpyType::Kind::object;
  return machine.make_opaque(std::move(dtype));
}

/// The one element as a plain value.
Value scalar_of(PickleMachine& machine, const Value& element) {
  if (element.kind() == Kind::object_array) return element[0];
  const Array& array = element.array();
  switch (array.dtype) {
    case DType::boolean:
      return ValueAccess::boolean(array.to_doubles()[0] != 0);
    case DType::f16:
    case DType::bf16:
    case DType::f32:
    case DType::f64:
      return ValueAccess::real(array.to_doubles()[0]);
    case DType::u64:
      if (array.to_doubles()[0] >= 0x1p63) {
        if (machine.leaves_out()) return ValueAccess::object("an integer of more than 63 bits");
        machine.fail("an integer of more than 63 bits");
      }
      [[fallthrough]];
    default:
      return ValueAccess::integer(array.to_integers("a numpy scalar")[0]);
  }
}

Value scalar(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 2, 2, "scalar");
  if (const auto* unread = ValueAccess::opaque_as<LeftOut>(arguments[0])) return machine.leave_out(unread->what);
  const DtypeObject& dtype = dtype_of(machine, arguments[0]);
  if (dtype.type.kind == NumpyType::Kind::object) machine.fail("a scalar of dtype object is not supported");
  Layout layout;
  layout.numel = 1;
  machine.charge(256);
  auto& chunk = chunk_of(machine, arguments[1], "the data of a scalar");
  return scalar_of(machine, array_of_bytes(machine, dtype.type, chunk, std::move(layout)));
}

/// order "K" of numpy 2.3: the bytes are C order of the transposed array; `axes` says which of its axes is which.
void transpose(PickleMachine& machine, const Value& axes, Layout& layout) {
  const auto& items = machine.tuple_of(axes, "the axes of _frombuffer");
  Layout result = layout;
  std::vector<bool> is_used(layout.shape.size(), false);
  if (items.size() != layout.shape.size()) machine.fail("_frombuffer: as many axes as dimensions");
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto axis = static_cast<std::uint64_t>(machine.integer_of(items[i], "the axes of _frombuffer"));
    if (axis >= is_used.size() || is_used[static_cast<std::size_t>(axis)])
      machine.fail("_frombuffer: axes are no permutation");
    is_used[static_cast<std::size_t>(axis)] = true;
    result.shape[i] = layout.shape[static_cast<std::size_t>(axis)];
    result.strides[i] = layout.strides[static_cast<std::size_t>(axis)];
  }
  layout = std::move(result);
}

/// _frombuffer(bytes, dtype, shape, order[, axes])
Value from_buffer(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 4, 5, "_frombuffer");
  if (const auto* unread = ValueAccess::opaque_as<LeftOut>(arguments[1])) return machine.leave_out(unread->what);
  const DtypeObject& dtype = dtype_of(machine, arguments[1]);
  if (dtype.type.kind == NumpyType::Kind::object) machine.fail("_frombuffer: objects cannot come from bytes");
  const std::string order = machine.text_of(arguments[3], "the order of _frombuffer");
  const bool has_axes = arguments.size() == 5 && order == "K";
  if (order != "C" && order != "F" && !has_axes) machine.fail(fmt::format("_frombuffer: order '{}'", printable(order)));
  Layout layout = layout_of(machine, arguments[2], dtype.type, order == "F");
  if (has_axes) transpose(machine, arguments[4], layout);
  auto& chunk = chunk_of(machine, arguments[0], "the buffer of _frombuffer");
  return array_of_bytes(machine, dtype.type, chunk, std::move(layout));
}

/// _codecs.encode(text, "latin1"): how protocols 0 to 2 write bytes.
Value encode(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 2, 2, "_codecs.encode");
  const std::string encoding = machine.text_of(arguments[1], "the encoding of _codecs.encode");
  if (encoding != "latin1" && encoding != "latin-1")
    machine.fail(fmt::format("_codecs.encode with encoding '{}': only latin1 is allowed", printable(encoding)));
  return ValueAccess::opaque(chunk_of(machine, arguments[0], "_codecs.encode").encode_latin1(machine));
}

/// bytes(): how protocols 0 to 2 write an empty bytes object.
Value empty_bytes(PickleMachine& machine, std::span<const Value> arguments) {
  expect_arguments(machine, arguments, 0, 0, "bytes");
  return machine.make_opaque(
      std::make_shared<PickleChunk>(std::span<const std::byte>{}, PickleChunk::Encoding::bytes, machine.owner()));
}

}  // namespace

void add_numpy_globals(PickleDialect& dialect) {
  for (const std::string_view module : {"numpy.core.multiarray", "numpy._core.multiarray"}) {
    dialect.globals[{module, "_reconstruct"}] = reconstruct;
    dialect.globals[{module, "scalar"}] = scalar;
  }
  for (const std::string_view module : {"numpy.core.numeric", "numpy._core.numeric"})
    dialect.globals[{module, "_frombuffer"}] = from_buffer;
  dialect.globals[{"numpy", "ndarray"}] = nullptr;
  dialect.globals[{"numpy", "memmap"}] = nullptr;  // pickled as the array it maps
  dialect.globals[{"numpy.core.memmap", "memmap"}] = nullptr;
  for (const std::string_view module : {"numpy.core._internal", "numpy._core._internal"})
    dialect.globals[{module, "_convert_to_stringdtype_kwargs"}] = make_string_dtype;
  dialect.globals[{"numpy", "dtype"}] = make_dtype;
  dialect.globals[{"_codecs", "encode"}] = encode;
  for (const std::string_view module : {"__builtin__", "builtins"}) dialect.globals[{module, "bytes"}] = empty_bytes;
}

}  // namespace kuda::io
