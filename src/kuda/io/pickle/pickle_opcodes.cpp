// The opcodes of the pickle machine and the numbers in them: protocols 0 to 5, as Python's pickletools lists them.

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "kuda/io/pickle/pickle_chunk.h"
#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool PickleMachine::step(std::uint8_t opcode) {
  switch (opcode) {
    case 0x80: {  // PROTO
      const auto protocol = cursor_.number(1);
      if (protocol > 5) fail(fmt::format("protocol {} is not known (0 to 5 are)", protocol));
      return true;
    }
    case 0x95:
      cursor_.begin_frame(cursor_.number(8));
      return true;  // FRAME
    case '.':
      return false;  // STOP
    default:
      break;
  }
  if (step_scalar(opcode) || step_bytes(opcode) || step_container(opcode) || step_stack(opcode) || step_object(opcode))
    return true;
  fail(fmt::format("unknown opcode {} (0x{:02x})", opcode, opcode), "is this a pickle file?");
}

bool PickleMachine::step_scalar(std::uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push(Value());
      return true;
    case 0x88:
      push(ValueAccess::boolean(true));
      return true;
    case 0x89:
      push(ValueAccess::boolean(false));
      return true;
    case 'I':
      push(parse_int(cursor_.line()));
      return true;
    case 'L':
      push(parse_long(cursor_.line()));
      return true;
    case 'F':
      push(parse_float(cursor_.line()));
      return true;
    case 'J':
      push(ValueAccess::integer(static_cast<std::int32_t>(cursor_.number(4))));
      return true;
    case 'K':
      push(ValueAccess::integer(static_cast<std::int64_t>(cursor_.number(1))));
      return true;
    case 'M':
      push(ValueAccess::integer(static_cast<std::int64_t>(cursor_.number(2))));
      return true;
    case 0x8a:
      push(binary_long(cursor_.number(1)));
      return true;  // LONG1
    case 0x8b:
      push(binary_long(cursor_.number(4)));
      return true;  // LONG4
    case 'G': {
      auto digits = cursor_.number(8);
      auto* bytes = reinterpret_cast<std::byte*>(&digits);
      std::reverse(bytes, bytes + 8);  // the one big-endian number of the format
      push(ValueAccess::real(std::bit_cast<double>(digits)));
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_bytes(std::uint8_t opcode) {
  using Encoding = PickleChunk::Encoding;
  const auto push_chunk = [&](std::span<const std::byte> stored, Encoding encoding) {
    push(make_opaque(std::make_shared<PickleChunk>(stored, encoding, source_.owner)));
    return true;
  };
  const auto chunk = [&](std::uint64_t length, Encoding encoding) {
    return push_chunk(cursor_.take(length), encoding);
  };
  const auto line_chunk = [&](Encoding encoding) {
    return push_chunk(std::as_bytes(std::span(cursor_.line())), encoding);
  };
  switch (opcode) {
    case 'S':
      return line_chunk(Encoding::quoted);
    case 'V':
      return line_chunk(Encoding::raw_unicode);
    case 'U':
      return chunk(cursor_.number(1), Encoding::python2);
    case 'T': {
      const auto length = static_cast<std::int32_t>(cursor_.number(4));
      if (length < 0) fail(fmt::format("negative length {}", length));
      return chunk(static_cast<std::uint64_t>(length), Encoding::python2);
    }
    case 'C':
      return chunk(cursor_.number(1), Encoding::bytes);
    case 'B':
      return chunk(cursor_.number(4), Encoding::bytes);
    case 0x8e:
      return chunk(cursor_.number(8), Encoding::bytes);  // BINBYTES8
    case 0x96:
      return chunk(cursor_.number(8), Encoding::bytes);  // BYTEARRAY8
    case 0x8c:
      return chunk(cursor_.number(1), Encoding::utf8);  // SHORT_BINUNICODE
    case 'X':
      return chunk(cursor_.number(4), Encoding::utf8);
    case 0x8d:
      return chunk(cursor_.number(8), Encoding::utf8);  // BINUNICODE8
    default:
      return false;
  }
}

bool PickleMachine::step_container(std::uint8_t opcode) {
  const auto tuple_of_top = [&](std::size_t count) {
    std::vector<Value> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push(make_sequence(Kind::tuple, std::move(items)));
    return true;
  };
  switch (opcode) {
    case ']':
      push(make_sequence(Kind::list, {}));
      return true;
    case 'l':
      push(make_sequence(Kind::list, pop_to_mark()));
      return true;
    case ')':
      return tuple_of_top(0);
    case 0x85:
      return tuple_of_top(1);
    case 0x86:
      return tuple_of_top(2);
    case 0x87:
      return tuple_of_top(3);
    case 't':
      push(make_sequence(Kind::tuple, pop_to_mark()));
      return true;
    case '}':
      push(make_dict());
      return true;
    case 'd': {
      auto items = pop_to_mark();
      push(make_dict());
      set_items(std::move(items));
      return true;
    }
    case 'a': {
      std::vector<Value> item(1);
      item[0] = pop();
      append(std::move(item));
      return true;
    }
    case 'e':
      append(pop_to_mark());
      return true;
    case 's': {
      std::vector<Value> items(2);
      items[1] = pop();
      items[0] = pop();
      set_items(std::move(items));
      return true;
    }
    case 'u':
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_stack(std::uint8_t opcode) {
  switch (opcode) {
    case '(':
      charge(sizeof(std::size_t));
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP takes a mark when that is on top
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        static_cast<void>(pop());
      return true;
    case '1':
      static_cast<void>(pop_to_mark());
      return true;
    case '2':
      push(Value(top()));
      return true;
    case 'p':
      put(memo_line());
      return true;
    case 'q':
      put(cursor_.number(1));
      return true;
    case 'r':
      put(cursor_.number(4));
      return true;
    case 0x94:
      put(memo_.size() + far_memo_.size());
      return true;  // MEMOIZE
    case 'g':
      get(memo_line());
      return true;
    case 'h':
      get(cursor_.number(1));
      return true;
    case 'j':
      get(cursor_.number(4));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(std::uint8_t opcode) {
  switch (opcode) {
    case 'c': {
      std::string module(cursor_.line());
      push_global(std::move(module), std::string(cursor_.line()));
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const Value name = pop();
      const Value module = pop();
      push_global(text_of(module, "the module of a global"), text_of(name, "the name of a global"));
      return true;
    }
    case 'R':
      reduce();
      return true;
    case 'b':
      build();
      return true;
    case 'i': {
      std::string module(cursor_.line());
      std::string name(cursor_.line());
      if (!dialect_.leaves_out)
        fail(fmt::format("refused global {}.{} (opcode INST makes objects)", printable(module), printable(name)),
             dialect_.hint);
      push_global(std::move(module), std::move(name));
      auto object = leave_out(describe(pop()));
      static_cast<void>(pop_to_mark());
      push(std::move(object));
      return true;
    }
    case 'P':
    case 'Q': {
      if (!dialect_.persistent) refuse(opcode == 'P' ? "PERSID" : "BINPERSID");
      if (opcode == 'P') refuse("PERSID");  // torch writes the binary form only
      const Value id = pop();
      push(dialect_.persistent(*this, id));
      return true;
    }
    case 'o': {
      if (!dialect_.leaves_out) refuse("OBJ");
      auto items = pop_to_mark();
      if (items.empty()) fail("OBJ without a class");
      push(leave_out(describe(items.front())));
      return true;
    }
    case 0x81:
      if (!dialect_.leaves_out) refuse("NEWOBJ");
      reduce();
      return true;
    case 0x92: {
      if (!dialect_.leaves_out) refuse("NEWOBJ_EX");
      static_cast<void>(pop());  // the named arguments
      static_cast<void>(pop());
      push(leave_out(describe(pop())));
      return true;
    }
    case 0x82:
      refuse("EXT1");
    case 0x83:
      refuse("EXT2");
    case 0x84:
      refuse("EXT4");
    case 0x8f:
      make_set("EMPTY_SET", "set");
      return true;
    case 0x90:
      if (!dialect_.leaves_out) refuse("ADDITEMS");
      append(pop_to_mark());
      return true;
    case 0x91:
      if (dialect_.leaves_out) static_cast<void>(pop_to_mark());
      make_set("FROZENSET", "frozenset");
      return true;
    case 0x97:
      refuse("NEXT_BUFFER");
    case 0x98:
      refuse("READONLY_BUFFER");
    default:
      return false;
  }
}

void PickleMachine::refuse(std::string_view opcode) const {
  fail(fmt::format("refused: opcode {} has no place in a file of plain values and arrays", opcode), dialect_.hint);
}

std::uint64_t PickleMachine::memo_line() {
  const auto line = cursor_.line();
  std::uint64_t index = 0;
  if (!parse_whole(line, index)) fail(fmt::format("'{}' is no memo slot", printable(line)));
  return index;
}

Value PickleMachine::parse_int(std::string_view line) {
  if (line == "00") return ValueAccess::boolean(false);  // protocols 0 and 1 write booleans so
  if (line == "01") return ValueAccess::boolean(true);
  return parse_long(line);
}

Value PickleMachine::long_integer(const std::string& message) {
  if (!dialect_.leaves_out) fail(message);
  return leave_out("an integer of more than 64 bits");
}

Value PickleMachine::parse_long(std::string_view line) {
  const std::string_view digits = line.ends_with('L') ? line.substr(0, line.size() - 1) : line;
  std::int64_t value = 0;
  if (!parse_whole(digits, value)) {
    const auto message = fmt::format("'{}' is no integer of 64 bits", printable(line));
    const auto unsigned_digits = digits.starts_with('-') ? digits.substr(1) : digits;
    if (unsigned_digits.empty() || unsigned_digits.find_first_not_of("0123456789") != std::string_view::npos)
      fail(message);
    return long_integer(message);
  }
  return ValueAccess::integer(value);
}

Value PickleMachine::parse_float(std::string_view line) const {
  double value = 0;
  if (!parse_whole(line, value)) fail(fmt::format("'{}' is no number", printable(line)));
  return ValueAccess::real(value);
}

/// Two's complement, little-endian, any number of bytes.
Value PickleMachine::binary_long(std::uint64_t bytes) {
  if (bytes > 0x7fffffff) fail("negative length of an integer");
  const auto digits = cursor_.take(bytes);
  if (digits.empty()) return ValueAccess::integer(0);
  const std::string too_long = "an integer of more than 64 bits";
  const bool is_negative = (digits.back() & std::byte{0x80}) != std::byte{0};
  std::uint64_t value = is_negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (i >= 8 && digits[i] != (is_negative ? std::byte{0xff} : std::byte{0})) return long_integer(too_long);
    if (i < 8) value = value << 8 | std::to_integer<std::uint64_t>(digits[i]);
  }
  if ((static_cast<std::int64_t>(value) < 0) != is_negative) return long_integer(too_long);
  return ValueAccess::integer(static_cast<std::int64_t>(value));
}

}  // namespace kuda::io
