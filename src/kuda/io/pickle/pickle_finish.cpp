// The last pass of the pickle machine: opaque values become plain ones, cycles and deep nesting are refused, dict
// keys become unique and findable. One visit per container however often it is shared, and no recursion.

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "kuda/io/pickle/pickle_machine.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

constexpr int kMaxDepth = 500;  // people nest four levels; destructors of this many levels fit in any stack

struct Visit {
  ValueAccess::Container* node;
  std::size_t next = 0;
  int below = 0;  // levels below this node, as far as seen
};

/// Equal for keys that Python holds equal (1, 1.0 and True are one key); empty for tuples, which stay as they are.
std::string identity_of(const Value& key) {
  switch (key.kind()) {
    case Kind::none:
      return "n";
    case Kind::boolean:
      return key.boolean() ? "i1" : "i0";
    case Kind::integer:
      return fmt::format("i{}", key.integer());
    case Kind::real: {
      const double real = key.real();
      if (real >= -0x1p63 && real < 0x1p63 && real == static_cast<double>(static_cast<std::int64_t>(real)))
        return fmt::format("i{}", static_cast<std::int64_t>(real));
      return fmt::format("r{}", real);
    }
    case Kind::text:
      return "t" + key.text();
    case Kind::bytes:
      return "b" + key.text();
    default:
      return {};
  }
}

}  // namespace

/// As in Python, a key that comes twice keeps its first place and its last value.
void PickleMachine::finish_dict(ValueAccess::Container& node) {
  auto& dict = *node.dict;
  std::unordered_map<std::string, std::size_t> seen;
  Value::Entries unique;
  unique.reserve(dict.entries.size());
  for (auto& entry : dict.entries) {
    auto identity = identity_of(entry.first);
    const auto [place, is_new] =
        identity.empty() ? std::pair{seen.end(), true} : seen.try_emplace(std::move(identity), unique.size());
    if (is_new)
      unique.push_back(std::move(entry));
    else
      unique[place->second].second = std::move(entry.second);
  }
  dict.entries = std::move(unique);
  for (std::size_t i = 0; i < dict.entries.size(); ++i)
    if (dict.entries[i].first.kind() == Kind::text) dict.text_keys.emplace(dict.entries[i].first.text(), i);
}

void PickleMachine::finish(Value& root) {
  const auto settle = [this](Value& value) -> ValueAccess::Container* {
    if (auto* opaque = ValueAccess::opaque_of(value)) {
      const Value keeps_alive = value;
      value = opaque->settle(*this);
    }
    const auto* node = ValueAccess::container_of(value);
    return node == nullptr ? nullptr : node->get();
  };
  std::vector<Visit> path;
  const auto enter = [&](ValueAccess::Container* node) {
    if (path.size() >= kMaxDepth) fail(fmt::format("nested deeper than {} levels", kMaxDepth));
    node->height = -1;
    path.push_back({node});
  };
  if (auto* node = settle(root)) enter(node);
  while (!path.empty()) {
    Visit& visit = path.back();
    if (visit.next < visit.node->num_children()) {
      auto* child = settle(visit.node->child(visit.next++));
      if (child == nullptr) continue;
      if (child->height < 0) fail("a container that contains itself");
      if (child->height == 0) {
        enter(child);
        continue;
      }
      visit.below = std::max(visit.below, child->height);
      if (static_cast<int>(path.size()) + child->height > kMaxDepth)
        fail(fmt::format("nested deeper than {} levels", kMaxDepth));
      continue;
    }
    if (visit.node->dict) finish_dict(*visit.node);
    visit.node->height = visit.below + 1;
    const int height = visit.node->height;
    path.pop_back();
    if (!path.empty()) path.back().below = std::max(path.back().below, height);
  }
}

}  // namespace kuda::io
