#include "kuda/io/torch_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/weights_file.h"

namespace kuda::io {
namespace {

using Kind = Value::Kind;

constexpr const char* kOnlyStates =
    "only state dictionaries are read; in Python: torch.save(model.state_dict(), 'state.pth')";

constexpr std::size_t kMostNamed = 25;

/// A dict with tensors, and the dicts that it lies in.
struct Found {
  std::string place;  ///< "model.ema"; empty: the root
  const Value* dict = nullptr;
  std::vector<std::pair<const Value*, const Value*>> around{};  ///< dict and the child that leads on
  std::size_t tensors = 0;
};

bool is_weight(const Value& value) {
  if (value.kind() != Kind::array) return false;
  const auto dtype = value.array().dtype;
  const bool is_real = dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32 || dtype == DType::f64;
  return is_real && !value.array().shape.empty();  // a loss or a count alone is no weight, nor is a generator's state
}
bool is_tensor(const Value& value) { return value.kind() == Kind::array; }

/// Looks through dicts with text keys, lists and tuples; an optimiser's state has numbers as keys.
class Search {
 public:
  explicit Search(bool (*counts)(const Value&)) : counts_(counts) {}

  using Around = std::vector<std::pair<const Value*, const Value*>>;

  std::vector<Found> in(const Value& value, const std::string& place, const Around& around) {
    std::vector<Found> found;
    if (value.kind() == Kind::list || value.kind() == Kind::tuple) {
      if (value.size() == 0 || !seen_.insert(&value[0]).second) return found;
      for (std::size_t i = 0; i < value.size(); ++i)
        if (is_container(value[i])) append(found, in(value[i], fmt::format("{}[{}]", place, i), around));
      return found;
    }
    if (value.kind() != Kind::dict || !seen_.insert(&value.entries()).second) return found;
    Found own{place, &value, around};
    for (const auto& [key, child] : value.entries()) {
      if (key.kind() != Kind::text) continue;
      if (counts_(child)) ++own.tensors;
      if (!is_container(child) || key.text().starts_with("opt")) continue;
      auto inside = around;
      inside.emplace_back(&value, &child);
      append(found, in(child, place.empty() ? key.text() : place + "." + key.text(), inside));
    }
    if (own.tensors == 0) return found;
    // A dictionary of weights does not hold another: of the two the larger one is meant.
    if (found.size() == 1 && found.front().tensors >= own.tensors) return found;
    if (found.size() <= 1) return {own};
    found.push_back(own);
    return found;
  }

 private:
  static bool is_container(const Value& value) {
    return value.kind() == Kind::dict || value.kind() == Kind::list || value.kind() == Kind::tuple;
  }
  static void append(std::vector<Found>& all, std::vector<Found> more) {
    for (auto& found : more) all.push_back(std::move(found));
  }

  bool (*counts_)(const Value&);
  std::unordered_set<const void*> seen_;
};

[[noreturn]] void refuse_root(const Value& root, const std::string& name) {
  const auto what = root.kind() == Kind::object  ? "the object " + root.text()
                    : root.kind() == Kind::array ? "one tensor, " + root.array().describe()
                                                 : "a " + std::string(root.kind_name());
  throw FormatError(fmt::format("{}: expected a dict of tensors, found {}", name, what), kOnlyStates);
}

Found find_state(const Value& root, const std::string& name) {
  auto found = Search(is_weight).in(root, "", {});
  if (found.empty()) found = Search(is_tensor).in(root, "", {});
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    std::vector<std::string> places;
    for (const auto& one : found)
      places.push_back(
          fmt::format("{} ({} tensors)", one.place.empty() ? "the file itself" : printable(one.place), one.tensors));
    throw FormatError(fmt::format("{}: several dicts of tensors: {}", name, join(places)),
                      "save one of them alone; in Python: torch.save(torch.load(FILE, weights_only=True)['KEY'], "
                      "'weights.pth')");
  }
  if (root.kind() != Kind::dict) refuse_root(root, name);
  if (root.size() == 0) return {"", &root};
  std::vector<std::string> keys;
  std::string recipe;
  for (const auto& [key, value] : root.entries()) {
    if (key.kind() != Kind::text || keys.size() >= 10) continue;
    keys.push_back(printable(key.text()) + (value.kind() == Kind::object ? " (" + value.text() + ")" : ""));
    if (recipe.empty() && value.kind() == Kind::object) recipe = plain_tensor_recipe(value.text());
  }
  throw FormatError(
      fmt::format("{}: no plain tensors in the dict, nor in one below it; its keys: {}", name, join(keys)),
      recipe.empty() ? kOnlyStates : recipe);
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

/// Tensors that are no plain arrays: their names go to the metadata with what they are, so that a model that needs one
/// of them can say why it is not there.
void add_unread(const Value& dict, std::map<std::string, std::string>& metadata) {
  for (const auto& [key, value] : dict.entries())
    if (key.kind() == Kind::text && value.kind() != Kind::array && !plain_text(value))
      metadata.emplace(key.text(), value.kind() == Kind::object ? value.text()
                                   : value.kind() == Kind::none ? "None"
                                                                : "a " + std::string(value.kind_name()));
}

/// Names what lies beside the weights and is no plain value.
void say_what_is_left_out(const Found& found, const std::string& name) {
  std::vector<std::string> left;
  for (const auto& [dict, child] : found.around)
    for (const auto& [key, value] : dict->entries()) {
      if (key.kind() != Kind::text || &value == child || value.kind() == Kind::none || plain_text(value)) continue;
      left.push_back(fmt::format("{} ({})", printable(key.text()),
                                 value.kind() == Kind::object  ? printable(value.text())
                                 : value.kind() == Kind::array ? value.array().describe()
                                                               : std::string(value.kind_name())));
    }
  std::vector<std::string> unread;
  for (const auto& [key, value] : found.dict->entries())
    if (value.kind() == Kind::object && key.kind() == Kind::text)
      unread.push_back(fmt::format("{} ({})", printable(key.text()), printable(value.text())));
  if (!found.place.empty()) log_info("{}: the tensors are those of '{}'", name, printable(found.place));
  if (left.size() > kMostNamed) {
    left.resize(kMostNamed);
    left.emplace_back("...");
  }
  if (!left.empty()) log_info("{}: left out beside them: {}", name, join(left));
  if (!unread.empty()) log_warning("{}: left out, because it is no plain tensor: {}", name, join(unread));
}

}  // namespace

std::string plain_tensor_recipe(std::string_view what) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kCalls{
      {{"a sparse tensor", "x.to_dense()"},
       {"a quantised tensor", "x.dequantize()"},
       {"a tensor with a conjugate or negative bit", "x.resolve_conj().resolve_neg()"},
       {"a tensor of a wrapper class", "x.full_tensor() if hasattr(x, 'full_tensor') else x"},
       {"a tensor of torch.float8", "x.float()"},
       {"a tensor of another device", "x.cpu()"}}};
  if (what == "a tensor without data (meta)")
    return "it was saved before its numbers were loaded (device 'meta'): load the model with its weights, then save it";
  if (what.starts_with("a tensor of torch.Complex") || what.starts_with("a tensor of torch.complex"))
    return "complex numbers are no weights of these models; leave it out, or save its parts: x.real, x.imag";
  for (const auto& [kind, plain] : kCalls)
    if (what.starts_with(kind))
      return fmt::format("in Python, plain tensors: torch.save({{k: {} for k, x in state.items()}}, 'weights.pth')",
                         plain);
  return "";
}

ArrayFile state_in(const Value& root, const std::string& name) {
  const Found state = find_state(root, name);
  ArrayFile file;
  file.path = name;
  for (const auto& [key, value] : state.dict->entries())
    if (value.kind() == Kind::array) {
      if (key.kind() != Kind::text)
        throw FormatError(fmt::format("{}: a tensor under a {} instead of a name", name, key.kind_name()));
      file.arrays.emplace(key.text(), value.array());
    }
  for (const auto& [dict, child] : state.around) add_metadata(*dict, file.metadata);
  add_metadata(*state.dict, file.metadata);
  add_unread(*state.dict, file.metadata);
  say_what_is_left_out(state, name);
  return file;
}

}  // namespace kuda::io
