#pragma once
// Private to io/: the pickle interpreter. It knows the opcodes and nothing else; what a file may name, and what a
// call means, is the dialect's list. A name that is not on the list ends the reading: nothing is ever imported or run.

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kuda/base/file.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/pickle/value.h"
#include "kuda/io/pickle/value_access.h"

namespace kuda::io {

struct PickleSource {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::string name;
  const MappedFile* file = nullptr;  ///< whose bytes these are, if any: their pages can be given back
  std::size_t start = 0;             ///< where the pickle begins in them
};

using PickleCall = Value (*)(PickleMachine& machine, std::span<const Value> arguments);

/// The allow-list: exact module and name.
struct PickleDialect {
  std::map<std::pair<std::string_view, std::string_view>, PickleCall> globals;  ///< nullptr: named, never called
  /// What a persistent id stands for; empty: refused.
  std::function<Value(PickleMachine& machine, const Value& id)> persistent;
  bool ignores_dict_state = false;  ///< an OrderedDict's attributes (BUILD on a dict) are dropped
  /// A name that is not on the list is no error: it stands for an object that is left out, whatever is put into it.
  bool leaves_out = false;
  bool (*is_harmless)(std::string_view module, std::string_view name) = nullptr;  ///< which of them; none: all
  std::string hint;  ///< what to do when a global is refused
};

/// A global that is on the list.
struct PickleGlobal : ValueAccess::Opaque {
  std::string module, name;
  PickleCall call = nullptr;
  [[nodiscard]] std::string describe() const override { return "the global " + module + "." + name; }
  [[nodiscard]] Value settle(PickleMachine& machine) override;
};

/// What is not read, by its name. Where a pickle fills it as a dict, it is read as one: a subclass of dict.
struct LeftOut : ValueAccess::Opaque {
  explicit LeftOut(std::string name) : what(std::move(name)) {}
  std::string what;
  Value items;  ///< a dict, or none
  [[nodiscard]] std::string describe() const override { return what; }
  [[nodiscard]] Value settle(PickleMachine& machine) override;
  void build(PickleMachine&, const Value&) override {}
};

class PickleMachine {
 public:
  PickleMachine(PickleSource source, const PickleDialect& dialect);
  PickleMachine(const PickleMachine&) = delete;
  PickleMachine& operator=(const PickleMachine&) = delete;
  ~PickleMachine();  ///< takes apart what is not part of the result, without recursion

  /// Runs to STOP and gives the finished tree: no opaque values, no cycles, bounded depth.
  [[nodiscard]] Value run();
  /// Bytes of the source after STOP.
  [[nodiscard]] std::size_t trailing_bytes() const noexcept { return cursor_.size() - cursor_.position(); }

  // For dialects.
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    cursor_.fail(message, hint);
  }
  [[noreturn]] void fail_at(std::size_t offset, const std::string& message, const std::string& hint = {}) const {
    cursor_.fail_at(offset, message, hint);
  }
  /// Counts memory that the file makes us take beyond its own size; fails when it is out of all proportion.
  void charge(std::uint64_t bytes);
  [[nodiscard]] Value make_sequence(Value::Kind kind, std::vector<Value> items);
  [[nodiscard]] Value make_object_array(std::vector<std::int64_t> shape, std::vector<Value> items);
  [[nodiscard]] Value make_dict(std::vector<Value> keys_and_values = {});
  [[nodiscard]] bool leaves_out() const noexcept { return dialect_.leaves_out; }
  /// Stands for something that is not read. Fails where the dialect leaves nothing out.
  [[nodiscard]] Value leave_out(std::string what);
  [[nodiscard]] Value make_opaque(std::shared_ptr<ValueAccess::Opaque> node);
  [[nodiscard]] std::string describe(const Value& value) const;  ///< for messages
  [[nodiscard]] std::string text_of(const Value& value, std::string_view what);
  [[nodiscard]] std::int64_t integer_of(const Value& value, std::string_view what) const;
  [[nodiscard]] const std::vector<Value>& tuple_of(const Value& value, std::string_view what) const;
  /// Gives back the pages of bytes that were decoded, so that file and arrays are not both in memory.
  void release(std::span<const std::byte> bytes) const noexcept;
  [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return source_.owner; }
  [[nodiscard]] const std::string& name() const noexcept { return source_.name; }

 private:
  bool step(std::uint8_t opcode);  // false at STOP
  bool step_scalar(std::uint8_t opcode);
  bool step_bytes(std::uint8_t opcode);
  bool step_container(std::uint8_t opcode);
  bool step_stack(std::uint8_t opcode);
  bool step_object(std::uint8_t opcode);

  void push(Value value);
  [[nodiscard]] Value pop();
  [[nodiscard]] Value& top();
  [[nodiscard]] std::vector<Value> pop_to_mark();
  [[nodiscard]] ValueAccess::Container& target(Value::Kind kind, std::string_view opcode);
  void append(std::vector<Value> items);
  void set_items(std::vector<Value> items);
  void add_entries(ValueAccess::Container& node, std::vector<Value> items);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  [[nodiscard]] std::uint64_t memo_line();
  [[nodiscard]] Value parse_int(std::string_view line);
  [[nodiscard]] Value parse_long(std::string_view line);
  [[nodiscard]] Value parse_float(std::string_view line) const;
  [[nodiscard]] Value binary_long(std::uint64_t bytes);
  [[nodiscard]] Value long_integer(const std::string& message);  // of more than 64 bits
  void push_global(std::string module, std::string name);
  void reduce();
  void call(const Value& callee, const Value& arguments);
  void make_set(std::string_view opcode, std::string_view name);
  void build();
  [[noreturn]] void refuse(std::string_view opcode) const;
  [[nodiscard]] std::shared_ptr<ValueAccess::Container> new_container();

  void finish(Value& root);  // pickle_finish.cpp
  void finish_dict(ValueAccess::Container& node);

  PickleSource source_;
  PickleCursor cursor_;
  const PickleDialect& dialect_;
  std::vector<Value> stack_;
  std::size_t stack_peak_ = 0;
  std::vector<std::size_t> marks_;                                   // heights of the stack
  std::vector<Value> memo_;                                          // slots 0, 1, 2, ...
  std::map<std::uint64_t, Value> far_memo_;                          // slots that leave a gap
  std::vector<std::shared_ptr<ValueAccess::Container>> containers_;  // every one made, so that none is freed deep
  std::uint64_t budget_ = 0;
  bool finished_ = false;
};

}  // namespace kuda::io
