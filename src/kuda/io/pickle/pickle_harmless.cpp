#include "kuda/io/pickle/pickle_harmless.h"

#include <algorithm>
#include <array>

#include "kuda/io/dtype.h"
#include "kuda/io/pickle/pickle.h"

namespace kuda::io {
namespace {

using namespace std::string_view_literals;
using Kind = Value::Kind;

/// `name` itself or a module inside it.
bool is_in(std::string_view module, std::string_view name) {
  return module == name || (module.starts_with(name) && module[name.size()] == '.');
}

template <std::size_t N>
bool any_of(const std::array<std::string_view, N>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// Modules of which nothing could be data that a clip needs. Of builtins, numpy and torch only names that are listed:
/// what is known to run things there stays refused by name.
bool is_harmless(std::string_view module, std::string_view name) {
  static constexpr std::array kModules{"datetime"sv,
                                       "decimal"sv,
                                       "fractions"sv,
                                       "uuid"sv,
                                       "pathlib"sv,
                                       "zoneinfo"sv,
                                       "pytz"sv,
                                       "dateutil"sv,
                                       "argparse"sv,
                                       "collections"sv,
                                       "array"sv,
                                       "ipaddress"sv,
                                       "easydict"sv,
                                       "munch"sv,
                                       "addict"sv,
                                       "pandas"sv,
                                       "scipy.sparse"sv,
                                       "pyarrow"sv,
                                       "numpy.ma"sv,
                                       "numpy.rec"sv,
                                       "numpy.char"sv,
                                       "numpy.random"sv,
                                       "numpy.core.records"sv,
                                       "numpy.core.defchararray"sv,
                                       "numpy.matrixlib"sv};
  static constexpr std::array<std::string_view, 17> kBuiltins{
      "set", "frozenset", "complex", "range", "xrange", "slice", "bytearray",      "object", "Ellipsis",
      "int", "float",     "str",     "bool",  "list",   "dict",  "NotImplemented", "tuple"};
  static constexpr std::array<std::string_view, 11> kNumpy{"bool_",      "str_",        "bytes_",    "object_",
                                                           "datetime64", "timedelta64", "complex64", "complex128",
                                                           "longdouble", "matrix",      "record"};
  static constexpr std::array<std::string_view, 5> kTorch{"Size", "device", "complex64", "complex128", "strided"};
  const auto is_number_type = [&] {
    return std::any_of(kDTypes.begin(), kDTypes.end(), [&](const DTypeFacts& facts) { return facts.name == name; });
  };
  if (module == "builtins" || module == "__builtin__") return any_of(kBuiltins, name);
  if (module == "numpy") return any_of(kNumpy, name) || is_number_type();
  if (module == "torch") return any_of(kTorch, name) || is_number_type();
  if (module == "types") return name == "SimpleNamespace";
  if (module == "torch.serialization") return name == "_get_layout";
  return std::any_of(kModules.begin(), kModules.end(), [&](std::string_view known) { return is_in(module, known); });
}

/// OrderedDict(), or OrderedDict([(key, value), ...]) as Python 2 writes it.
Value ordered_dict(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.size() > 1) machine.fail("OrderedDict takes at most one argument");
  if (arguments.empty()) return machine.make_dict();
  const auto pair_of = [&](const Value& value) -> const std::vector<Value>& {
    const auto* node = ValueAccess::container_of(value);
    if (node == nullptr || (value.kind() != Kind::list && value.kind() != Kind::tuple) || (*node)->items.size() != 2)
      machine.fail("OrderedDict: expected pairs of key and value, found " + machine.describe(value));
    return (*node)->items;
  };
  if (arguments[0].kind() != Kind::list)
    machine.fail("OrderedDict: expected a list of pairs, found " + machine.describe(arguments[0]));
  std::vector<Value> items;
  for (const Value& entry : (*ValueAccess::container_of(arguments[0]))->items)
    for (const Value& item : pair_of(entry)) items.push_back(item);
  return machine.make_dict(std::move(items));
}

/// defaultdict(factory): what a missing key would give is of no use here.
Value default_dict(PickleMachine& machine, std::span<const Value> /*arguments*/) { return machine.make_dict(); }

/// Counter({key: count, ...})
Value counter(PickleMachine& machine, std::span<const Value> arguments) {
  if (arguments.empty()) return machine.make_dict();
  if (arguments[0].kind() != Kind::dict)
    machine.fail("Counter: expected a dict, found " + machine.describe(arguments[0]));
  return arguments[0];
}

/// _reconstructor(type, base, state) and __newobj__(type, ...): objects of protocols 0 and 1.
Value reconstructor(PickleMachine& machine, std::span<const Value> arguments) {
  const auto* type = arguments.empty() ? nullptr : ValueAccess::opaque_as<LeftOut>(arguments[0]);
  if (type == nullptr) machine.fail("refused: an object of a type that is not known");
  return machine.leave_out(type->what);
}

}  // namespace

void add_ordered_dict(PickleDialect& dialect) {
  dialect.globals[{"collections", "OrderedDict"}] = ordered_dict;
  dialect.ignores_dict_state = true;
}

void leave_out_harmless(PickleDialect& dialect) {
  dialect.globals[{"collections", "defaultdict"}] = default_dict;
  dialect.globals[{"collections", "Counter"}] = counter;
  for (const std::string_view module : {"copyreg", "copy_reg"})
    for (const std::string_view name : {"_reconstructor", "__newobj__"})
      dialect.globals[{module, name}] = reconstructor;
  dialect.leaves_out = true;
  dialect.is_harmless = is_harmless;
}

std::string recipe_for(std::string_view what, std::string_view file) {
  struct Recipe {
    std::string_view module, hint;
  };
  static constexpr std::array<Recipe, 18> kRecipes{{
      {"pandas",
       "before pickling, make lists and arrays of it: ids and texts by column.tolist(), numbers by "
       "column.to_numpy()"},
      {"pyarrow", "before pickling, make lists and arrays of it: column.to_pylist() or column.to_numpy()"},
      {"joblib",
       "this is a file of joblib.dump; in Python: import joblib, pickle\n"
       "        pickle.dump(joblib.load('FILE'), open('NEW.pkl', 'wb'))"},
      {"scipy", "before pickling, make an array of it: matrix.toarray()"},
      {"numpy.ma",
       "before pickling, make an array of it: masked.filled(numpy.nan) for labels, where it means unknown, and "
       "masked.filled(0) for features"},
      {"torch", "before pickling, make an array of it: tensor.detach().cpu().numpy() (sparse: .to_dense() first)"},
      {"a sparse tensor", "before pickling, make an array of it: tensor.to_dense().numpy()"},
      {"a quantised tensor", "before pickling, make an array of it: tensor.dequantize().numpy()"},
      {"a tensor of", "before pickling, make an array of it: tensor.detach().cpu().float().numpy()"},
      {"tensorflow", "before pickling, make an array of it: tensor.numpy()"},
      {"jax", "before pickling, make an array of it: numpy.asarray(x)"},
      {"jaxlib", "before pickling, make an array of it: numpy.asarray(x)"},
      {"cupy", "before pickling, make an array of it: x.get()"},
      {"__main__", "a class of somebody's script; before pickling, make a plain dict of it: vars(x) or dict(x)"},
      {"dill",
       "this is a file of dill; in Python: import dill, pickle\n"
       "        pickle.dump(dill.load(open('FILE', 'rb')), open('NEW.pkl', 'wb'))"},
      {"a numpy array of", "before pickling, give it a plain type: array.astype('float32'), or array.tolist()"},
      {"text with",
       "half of a character; before pickling, mend the text: x.encode('utf-16', 'surrogatepass').decode('utf-16', "
       "'replace')"},
      {"set", "a set has no order; before pickling, make a list of it: sorted(x)"},
  }};
  for (const Recipe& recipe : kRecipes)
    if (what.starts_with(recipe.module) && (what.size() == recipe.module.size() || what[recipe.module.size()] == '.' ||
                                            what[recipe.module.size()] == ' ')) {
      std::string hint(recipe.hint);
      if (const auto at = hint.find("FILE"); at != std::string::npos) hint.replace(at, 4, file);
      return hint;
    }
  return {};
}

}  // namespace kuda::io
