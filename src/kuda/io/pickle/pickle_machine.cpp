#include "kuda/io/pickle/pickle_machine.h"

#include <fmt/format.h>

#include <iterator>

#include "kuda/base/error.h"
#include "kuda/base/interruption.h"
#include "kuda/io/pickle/pickle.h"
#include "kuda/io/pickle/pickle_chunk.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

constexpr std::uint64_t kFreeBytes = 32U << 20U;  // what any file may cost
constexpr std::uint64_t kBytesPerByte = 32;       // a None is one byte of a file and one Value here

bool is_hashable(const Value& key) {
  switch (key.kind()) {
    case Kind::list:
    case Kind::dict:
    case Kind::array:
    case Kind::object_array:
      return false;
    default:
      return ValueAccess::opaque_of(key) == nullptr || ValueAccess::opaque_as<PickleChunk>(key) != nullptr ||
             ValueAccess::opaque_as<LeftOut>(key) != nullptr || ValueAccess::opaque_as<PickleGlobal>(key) != nullptr;
  }
}

/// The name of what a call gives: that of the type which a private function (pandas._libs...__pyx_unpickle) is told to
/// make, where there is one.
std::string made_by(const LeftOut& callee, const Value& arguments) {
  const auto name = std::string_view(callee.what).substr(callee.what.rfind('.') + 1);
  if (!name.starts_with('_') || arguments.kind() != Kind::tuple || arguments.size() == 0) return callee.what;
  const auto* type = ValueAccess::opaque_as<LeftOut>(arguments[0]);
  return type == nullptr ? callee.what : type->what;
}

}  // namespace

void Value::Opaque::build(PickleMachine& machine, const Value& /*state*/) {
  machine.fail("BUILD on " + describe() + " is not allowed");
}

Value PickleGlobal::settle(PickleMachine& machine) {
  if (machine.leaves_out()) return ValueAccess::object(module + "." + name);
  machine.fail_at(offset, describe() + " is used as a value");
}

Value LeftOut::settle(PickleMachine& /*machine*/) {
  return items.kind() == Kind::dict ? items : ValueAccess::object(what);
}

PickleMachine::PickleMachine(PickleSource source, const PickleDialect& dialect)
    : source_(std::move(source)),
      cursor_(source_.bytes, source_.name, source_.start),
      dialect_(dialect),
      budget_(kFreeBytes + kBytesPerByte * source_.bytes.size()) {}

PickleMachine::~PickleMachine() {
  // All containers are still alive here, so letting go of children frees none of them: no recursion, and no cycle
  // survives. Nodes of a finished result keep their children.
  for (const auto& node : containers_)
    if (!finished_ || node->height == 0) {
      node->items.clear();
      if (node->dict) *node->dict = {};
    }
}

void PickleMachine::charge(std::uint64_t bytes) {
  if (bytes > budget_) fail("the file asks for far more memory than it holds bytes");
  budget_ -= bytes;
}

void PickleMachine::release(std::span<const std::byte> bytes) const noexcept {
  if (source_.file != nullptr) source_.file->give_back(bytes.data(), bytes.data() + bytes.size());
}

Value PickleMachine::run() {
  for (std::uint32_t steps = 0; step(cursor_.next_opcode());)
    if (++steps % 4096 == 0) stop_where_asked();
  if (!marks_.empty()) fail("STOP before a MARK was used");
  Value root = pop();
  finish(root);
  finished_ = true;
  return root;
}

void PickleMachine::push(Value value) {
  stack_.push_back(std::move(value));
  if (stack_.size() > stack_peak_) {
    stack_peak_ = stack_.size();
    charge(sizeof(Value));
  }
}

Value PickleMachine::pop() {
  Value value = std::move(top());
  stack_.pop_back();
  return value;
}

Value& PickleMachine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("stack underflow");
  return stack_.back();
}

std::vector<Value> PickleMachine::pop_to_mark() {
  if (marks_.empty()) fail("no MARK on the stack");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Value> items(std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

std::shared_ptr<ValueAccess::Container> PickleMachine::new_container() {
  charge(sizeof(ValueAccess::Container) + 32);
  auto node = std::make_shared<ValueAccess::Container>();
  containers_.push_back(node);
  return node;
}

Value PickleMachine::make_sequence(Kind kind, std::vector<Value> items) {
  charge(items.size() * sizeof(Value));
  auto node = new_container();
  node->items = std::move(items);
  return ValueAccess::container(kind, std::move(node));
}

Value PickleMachine::make_object_array(std::vector<std::int64_t> shape, std::vector<Value> items) {
  Value array = make_sequence(Kind::object_array, std::move(items));
  (*ValueAccess::container_of(array))->shape = std::make_unique<std::vector<std::int64_t>>(std::move(shape));
  return array;
}

Value PickleMachine::make_dict(std::vector<Value> keys_and_values) {
  auto node = new_container();
  node->dict = std::make_unique<ValueAccess::Container::Dict>();
  add_entries(*node, std::move(keys_and_values));
  return ValueAccess::container(Kind::dict, std::move(node));
}

Value PickleMachine::make_opaque(std::shared_ptr<ValueAccess::Opaque> node) {
  charge(128);  // the largest of them, rounded up
  node->offset = cursor_.opcode_offset();
  return ValueAccess::opaque(std::move(node));
}

Value PickleMachine::leave_out(std::string what) {
  if (!dialect_.leaves_out) fail("refused: " + what, dialect_.hint);
  charge(2 * what.size());
  return make_opaque(std::make_shared<LeftOut>(std::move(what)));
}

ValueAccess::Container& PickleMachine::target(Kind kind, std::string_view opcode) {
  if (top().kind() != kind) fail(fmt::format("{} on {}", opcode, describe(top())));
  return **ValueAccess::container_of(top());
}

void PickleMachine::append(std::vector<Value> items) {
  if (ValueAccess::opaque_as<LeftOut>(top()) != nullptr) return;
  auto& list = target(Kind::list, "APPEND").items;
  charge(items.size() * sizeof(Value));
  list.insert(list.end(), std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
}

void PickleMachine::set_items(std::vector<Value> items) {
  if (auto* object = ValueAccess::opaque_as<LeftOut>(top())) {
    if (object->items.kind() != Kind::dict) object->items = make_dict();
    return add_entries(**ValueAccess::container_of(object->items), std::move(items));
  }
  add_entries(target(Kind::dict, "SETITEM"), std::move(items));
}

void PickleMachine::add_entries(ValueAccess::Container& node, std::vector<Value> items) {
  auto& dict = *node.dict;
  if (items.size() % 2 != 0) fail("SETITEMS with an odd number of items");
  charge(items.size() * 2 * sizeof(Value));
  for (std::size_t i = 0; i < items.size(); i += 2) {
    if (!is_hashable(items[i])) fail("a dict key is " + describe(items[i]));
    dict.entries.emplace_back(std::move(items[i]), std::move(items[i + 1]));
  }
}

void PickleMachine::put(std::uint64_t index) {
  const Value& value = top();
  if (index < memo_.size()) {
    memo_[static_cast<std::size_t>(index)] = value;
    return;
  }
  charge(index == memo_.size() ? sizeof(Value) : 3 * sizeof(Value));
  if (index == memo_.size())
    memo_.push_back(value);
  else
    far_memo_[index] = value;
}

void PickleMachine::get(std::uint64_t index) {
  if (index < memo_.size()) return push(Value(memo_[static_cast<std::size_t>(index)]));
  const auto found = far_memo_.find(index);
  if (found == far_memo_.end()) fail(fmt::format("memo slot {} was never written", index));
  push(Value(found->second));
}

void PickleMachine::push_global(std::string module, std::string name) {
  const auto found = dialect_.globals.find({module, name});
  if (found == dialect_.globals.end()) {
    const auto what = fmt::format("{}.{}", printable(module), printable(name));
    if (dialect_.leaves_out && (dialect_.is_harmless == nullptr || dialect_.is_harmless(module, name)))
      return push(leave_out(what));
    const auto recipe = recipe_for(what, source_.name);
    fail("refused global " + what, recipe.empty() ? dialect_.hint : recipe);
  }
  auto global = std::make_shared<PickleGlobal>();
  global->module = std::move(module);
  global->name = std::move(name);
  global->call = found->second;
  push(make_opaque(std::move(global)));
}

void PickleMachine::reduce() {
  const Value arguments = pop();
  const Value callee = pop();
  call(callee, arguments);
}

/// A new object for each call of what is left out: one of them may be filled as a dict, another not.
void PickleMachine::call(const Value& callee, const Value& arguments) {
  if (const auto* object = ValueAccess::opaque_as<LeftOut>(callee)) return push(leave_out(made_by(*object, arguments)));
  const auto* global = ValueAccess::opaque_as<PickleGlobal>(callee);
  if (global != nullptr && global->call == nullptr && dialect_.leaves_out)
    return push(leave_out(global->module + "." + global->name));
  if (global == nullptr || global->call == nullptr)
    fail(fmt::format("REDUCE calls {}: refused", describe(callee)), dialect_.hint);
  push(global->call(*this, tuple_of(arguments, "the arguments of " + describe(callee))));
}

void PickleMachine::make_set(std::string_view opcode, std::string_view name) {
  if (!dialect_.leaves_out) refuse(opcode);
  push(leave_out(std::string(name)));
}

void PickleMachine::build() {
  const Value state = pop();
  if (auto* opaque = ValueAccess::opaque_of(top())) return opaque->build(*this, state);
  if (top().kind() == Kind::dict && dialect_.ignores_dict_state) return;
  fail(fmt::format("refused: BUILD on {}", describe(top())), dialect_.hint);
}

std::string PickleMachine::describe(const Value& value) const {
  if (const auto* opaque = ValueAccess::opaque_of(value)) return opaque->describe();
  return "a value of type " + std::string(value.kind_name());
}

std::string PickleMachine::text_of(const Value& value, std::string_view what) {
  auto* chunk = ValueAccess::opaque_as<PickleChunk>(value);
  const Value settled = chunk != nullptr ? chunk->settle(*this) : value;
  if (settled.kind() != Kind::text) fail(fmt::format("{}: expected text, found {}", what, describe(value)));
  return settled.text();
}

std::int64_t PickleMachine::integer_of(const Value& value, std::string_view what) const {
  if (value.kind() != Kind::integer) fail(fmt::format("{}: expected an integer, found {}", what, describe(value)));
  return value.integer();
}

const std::vector<Value>& PickleMachine::tuple_of(const Value& value, std::string_view what) const {
  if (value.kind() != Kind::tuple) fail(fmt::format("{}: expected a tuple, found {}", what, describe(value)));
  return (*ValueAccess::container_of(value))->items;
}

}  // namespace kuda::io
