#include "kuda/io/pickle/value.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/io/pickle/value_access.h"

namespace kuda::io {

Value::Value(Kind kind, Content content) : kind_(kind), content_(std::move(content)) {}

std::string_view Value::kind_name() const noexcept {
  switch (kind_) {
    case Kind::none:
      return "none";
    case Kind::boolean:
      return "boolean";
    case Kind::integer:
      return "integer";
    case Kind::real:
      return "real";
    case Kind::text:
      return "text";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::array:
      return "array";
    case Kind::object_array:
      return "object_array";
    case Kind::object:
      return "object";
  }
  return "?";
}

void Value::refuse(std::string_view expected) const {
  throw DataError(fmt::format("expected {}, found {}", expected, kind_name()));
}

bool Value::boolean() const {
  if (const auto* value = std::get_if<bool>(&content_)) return *value;
  refuse("boolean");
}

std::int64_t Value::integer() const {
  if (const auto* value = std::get_if<std::int64_t>(&content_)) return *value;
  refuse("integer");
}

double Value::real() const {
  if (const auto* value = std::get_if<double>(&content_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&content_)) return static_cast<double>(*value);
  refuse("real");
}

const std::string& Value::text() const {
  if (const auto* value = std::get_if<std::shared_ptr<const std::string>>(&content_)) return **value;
  refuse("text");
}

const Array& Value::array() const {
  if (const auto* value = std::get_if<std::shared_ptr<const Array>>(&content_)) return **value;
  refuse("array");
}

const Value::Container& Value::container(std::string_view expected) const {
  if (const auto* node = std::get_if<std::shared_ptr<Container>>(&content_)) return **node;
  refuse(expected);
}

const std::vector<std::int64_t>& Value::object_shape() const {
  if (kind_ != Kind::object_array) refuse("object_array");
  return *container("object_array").shape;
}

std::size_t Value::size() const {
  const Container& node = container("list, tuple, dict or object_array");
  return node.dict ? node.dict->entries.size() : node.items.size();
}

const Value& Value::operator[](std::size_t index) const {
  if (kind_ == Kind::dict) refuse("list, tuple or object_array");
  const Container& node = container("list, tuple or object_array");
  if (index >= node.items.size())
    throw DataError(fmt::format("item {} of a {} of {} items", index, kind_name(), node.items.size()));
  return node.items[index];
}

const Value::Entries& Value::entries() const {
  if (kind_ != Kind::dict) refuse("dict");
  return container("dict").dict->entries;
}

const Value* Value::find(std::string_view key) const {
  if (kind_ != Kind::dict) refuse("dict");
  const auto& dict = *container("dict").dict;
  const auto found = dict.text_keys.find(key);
  return found == dict.text_keys.end() ? nullptr : &dict.entries[found->second].second;
}

Value ValueAccess::boolean(bool value) { return {Value::Kind::boolean, value}; }
Value ValueAccess::integer(std::int64_t value) { return {Value::Kind::integer, value}; }
Value ValueAccess::real(double value) { return {Value::Kind::real, value}; }
Value ValueAccess::text(std::string value) {
  return {Value::Kind::text, std::make_shared<const std::string>(std::move(value))};
}
Value ValueAccess::bytes(std::string value) {
  return {Value::Kind::bytes, std::make_shared<const std::string>(std::move(value))};
}
Value ValueAccess::object(std::string name) {
  return {Value::Kind::object, std::make_shared<const std::string>(std::move(name))};
}
Value ValueAccess::array(Array value) { return {Value::Kind::array, std::make_shared<const Array>(std::move(value))}; }
Value ValueAccess::container(Value::Kind kind, std::shared_ptr<Container> node) { return {kind, std::move(node)}; }
Value ValueAccess::opaque(std::shared_ptr<Opaque> node) { return {Value::Kind::none, std::move(node)}; }

const std::shared_ptr<Value::Container>* ValueAccess::container_of(const Value& value) {
  return std::get_if<std::shared_ptr<Container>>(&value.content_);
}

Value::Opaque* ValueAccess::opaque_of(const Value& value) {
  const auto* node = std::get_if<std::shared_ptr<Opaque>>(&value.content_);
  return node == nullptr ? nullptr : node->get();
}

}  // namespace kuda::io
