// The only file that includes toml++, so that no other one pays for it.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <type_traits>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/names.h"
#include "kuda/config/config.h"

namespace kuda {
namespace {

struct Assignment {
  std::string origin;  ///< "--set train.lr=1", how errors name it
  std::string key, raw;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Section and name of a dotted key; the section of a top-level key is "".
std::pair<std::string, std::string> split_key(std::string_view key) {
  const auto dot = key.rfind('.');
  if (dot == std::string_view::npos) return {"", std::string(key)};
  return {std::string(key.substr(0, dot)), std::string(key.substr(dot + 1))};
}

const toml::node* find_node(const toml::table& root, std::string_view key) {
  const toml::node* node = &root;
  for (std::size_t begin = 0; begin <= key.size();) {
    const auto end = std::min(key.find('.', begin), key.size());
    const toml::table* table = node->as_table();
    node = table != nullptr ? table->get(key.substr(begin, end - begin)) : nullptr;
    if (node == nullptr) return nullptr;
    begin = end + 1;
  }
  return node;
}

std::string found(const toml::node& node) {
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* value = node.as_integer()) return fmt::format("the integer {}", value->get());
  if (const auto* value = node.as_floating_point()) return fmt::format("the number {}", value->get());
  if (const auto* value = node.as_string()) return fmt::format("the text \"{}\"", value->get());
  if (node.is_array()) return "a list";
  if (node.is_table()) return "a table";
  return "a date or time";
}

bool convert(const toml::node& node, bool& value) {
  if (!node.is_boolean()) return false;
  value = node.as_boolean()->get();
  return true;
}
bool convert(const toml::node& node, std::int64_t& value) {
  if (!node.is_integer()) return false;
  value = node.as_integer()->get();
  return true;
}
bool convert(const toml::node& node, double& value) {
  if (!node.is_number()) return false;
  value = node.is_integer() ? static_cast<double>(node.as_integer()->get()) : node.as_floating_point()->get();
  return true;
}
bool convert(const toml::node& node, std::string& value) {
  if (!node.is_string()) return false;
  value = node.as_string()->get();
  return true;
}
template <class T>
bool convert(const toml::node& node, std::vector<T>& values) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return false;
  for (const auto& item : *array) {
    T value{};
    if (!convert(item, value)) return false;
    values.push_back(std::move(value));
  }
  return true;
}

/// What was found in place of `target`; for lists the first item that does not fit.
std::string found_instead(const FieldTarget& target, const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr || !type_name(target).starts_with("a list")) return found(node);
  for (std::size_t i = 0; i < array->size(); ++i) {
    toml::array single;
    single.push_back((*array)[i]);
    const bool fits = with_pointer(target, [&](auto* value) {
      std::remove_pointer_t<decltype(value)> unused{};
      return convert(single, unused);
    });
    if (!fits) return fmt::format("{} as item {}", found((*array)[i]), i + 1);
  }
  return found(node);
}

/// Converts, checks, and only then stores. `where` names file, line and key.
void assign(const Field& field, const toml::node& node, const std::string& where) {
  if (const auto* named = std::get_if<NamedTarget>(&field.target)) {
    std::string name;
    assign({field.name, &name, field.help, field.check}, node, where);
    return named->set(name);
  }
  with_pointer(field.target, [&](auto* target) {
    std::remove_pointer_t<decltype(target)> value{};
    if (!convert(node, value))
      throw ConfigError(
          fmt::format("{}: expected {}, found {}", where, type_name(field.target), found_instead(field.target, node)));
    const std::string expected = field.check ? field.check(&value) : "";
    if (!expected.empty())
      throw ConfigError(fmt::format("{}: expected {}, found {}", where, expected, toml_value(&value)), field.help);
    *target = std::move(value);
  });
}

std::string printed(const toml::node& node) {
  const auto of = [&]<class T>(T value) -> std::optional<std::string> {
    if (convert(node, value)) return toml_value(&value);
    return std::nullopt;
  };
  if (node.is_floating_point()) return *of(0.0);  // an integer is a fine double, but is printed as it stands
  for (const auto& text : {of(false), of(std::int64_t{}), of(std::string())})
    if (text) return *text;
  if (const auto* array = node.as_array()) {
    std::string text = "[";
    for (const auto& item : *array) text += (text.size() > 1 ? ", " : "") + printed(item);
    return text + "]";
  }
  return found(node);
}

void list_settings(const toml::table& table, const std::string& prefix, std::vector<Setting>& settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const auto* inner = node.as_table())
      list_settings(*inner, name + ".", settings);
    else
      settings.push_back({name, printed(node), Effect::numbers});
  }
}

/// `text` as one TOML value; nothing when it is none, or more than one.
std::optional<toml::table> parse_value(std::string_view text) {
  try {
    toml::table table = toml::parse(fmt::format("value = {}", text));
    if (table.size() == 1) return table;
  } catch (const toml::parse_error&) {
  }
  return std::nullopt;
}

toml::array list_of_words(std::string_view raw) {
  std::string_view text = trimmed(raw);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = trimmed(text.substr(1, text.size() - 2));
  toml::array list;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view item = trimmed(text.substr(0, comma));
    const auto parsed = parse_value(item);
    if (parsed)
      list.push_back(*parsed->get("value"));
    else
      list.push_back(std::string(item));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return list;
}

void assign(const Field& field, const Assignment& given) {
  const auto parsed = parse_value(given.raw);
  const toml::node* node = parsed ? parsed->get("value") : nullptr;
  const auto type = type_name(field.target);
  if (type == "text" && (node == nullptr || !node->is_string()))
    assign(field, toml::value<std::string>(given.raw), given.origin);
  else if (type.starts_with("a list") && (node == nullptr || !node->is_array()))
    assign(field, list_of_words(given.raw), given.origin);
  else if (node == nullptr)
    assign(field, toml::value<std::string>(given.raw), given.origin);
  else
    assign(field, *node, given.origin);
}

/// The names of a schema, and what to say about a name that is not among them.
class Known {
 public:
  explicit Known(const Schema& schema) : schema_(schema) {}

  [[nodiscard]] const Field* field(std::string_view key) const {
    const auto [section, name] = split_key(key);
    for (const auto& candidate : schema_.sections())
      if (candidate.name == section)
        for (const auto& field : candidate.fields.list())
          if (field.name == name) return &field;
    return nullptr;
  }
  [[nodiscard]] bool is_section(std::string_view name) const {
    return std::any_of(schema_.sections().begin(), schema_.sections().end(),
                       [&](const Section& section) { return section.name == name; });
  }
  /// True for "a" when there is a section "a.b".
  [[nodiscard]] bool leads_to_section(const std::string& name) const {
    return std::any_of(schema_.sections().begin(), schema_.sections().end(),
                       [&](const Section& section) { return section.name.starts_with(name + "."); });
  }
  [[nodiscard]] std::vector<std::string> section_names() const {
    std::vector<std::string> names;
    for (const auto& section : schema_.sections())
      if (!section.name.empty()) names.push_back(section.name);
    return names;
  }
  [[nodiscard]] std::string hint(std::string_view key) const {
    const auto [section, name] = split_key(key);
    std::vector<std::string> here, elsewhere;
    for (const auto& candidate : schema_.sections())
      for (const auto& field : candidate.fields.list()) {
        if (candidate.name == section) here.push_back(field.name);
        if (candidate.name != section && field.name == name)
          elsewhere.push_back(candidate.name.empty() ? name : candidate.name + "." + name);
      }
    if (!elsewhere.empty()) return "did you mean '" + join(elsewhere, "' or '") + "'?";
    if (!section.empty() && !here.empty()) return suggestion(name, here);
    auto names = section_names();
    if (!section.empty()) return suggestion(section, names);
    names.insert(names.begin(), here.begin(), here.end());
    return suggestion(name, names);
  }

 private:
  const Schema& schema_;
};

void apply_table(const toml::table& table, const std::string& prefix, const std::string& source, const Known& known) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string where = fmt::format("{}:{}: {}", source, key.source().begin.line, name);
    const Field* field = known.field(name);
    const bool is_section = known.is_section(name) || known.leads_to_section(name);
    if (field != nullptr)
      assign(*field, node, where);
    else if (is_section && node.is_table())
      apply_table(*node.as_table(), name + ".", source, known);
    else if (is_section)
      throw ConfigError(fmt::format("{}: expected the table [{}], found {}", where, name, found(node)));
    else if (node.is_table() && prefix.empty())
      throw ConfigError(where + ": unknown section", suggestion(name, known.section_names()));
    else
      throw ConfigError(where + ": unknown key", known.hint(name));
  }
}

}  // namespace

struct ConfigFile::Impl {
  toml::table root;
  std::string source;
  std::vector<Assignment> assignments;
};

ConfigFile::ConfigFile() : impl_(std::make_unique<Impl>()) {}
ConfigFile::~ConfigFile() = default;
ConfigFile::ConfigFile(ConfigFile&&) noexcept = default;
ConfigFile& ConfigFile::operator=(ConfigFile&&) noexcept = default;

ConfigFile ConfigFile::load(const std::filesystem::path& path) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const FormatError& error) {
    throw ConfigError(error.what());
  }
  return parse(text, path.string());
}

ConfigFile ConfigFile::parse(const std::string& text, const std::string& source) {
  ConfigFile file;
  file.impl_->source = source;
  try {
    file.impl_->root = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}:{}: not valid TOML: {}", source, error.source().begin.line, error.description()),
                      "text needs quotes, true and false none");
  }
  return file;
}

void ConfigFile::set(std::string_view assignment, std::string origin) {
  const std::string label = fmt::format("{} {}", origin, assignment);
  const auto equals = assignment.find('=');
  const auto key = trimmed(assignment.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) throw ConfigError(label + ": expected KEY=VALUE");
  impl_->assignments.push_back({label, std::string(key), std::string(trimmed(assignment.substr(equals + 1)))});
}

std::string ConfigFile::peek_text(std::string_view key) const {
  std::string value;
  Field field{std::string(key), &value, "", {}};
  if (const toml::node* node = find_node(impl_->root, key))
    assign(field, *node, fmt::format("{}:{}: {}", impl_->source, node->source().begin.line, key));
  for (const auto& given : impl_->assignments)
    if (given.key == key) assign(field, given);
  return value;
}

bool ConfigFile::has(std::string_view key) const {
  return find_node(impl_->root, key) != nullptr ||
         std::any_of(impl_->assignments.begin(), impl_->assignments.end(),
                     [&](const Assignment& given) { return given.key == key; });
}

std::vector<ConfigFile> ConfigFile::take_tables(const std::string& key) {
  std::vector<ConfigFile> tables;
  toml::node* node = impl_->root.get(key);
  if (node == nullptr) return tables;
  if (!node->is_array_of_tables())
    throw ConfigError(fmt::format("{}:{}: {}: expected tables [[{}]], found {}", impl_->source,
                                  node->source().begin.line, key, key, found(*node)));
  for (auto& item : *node->as_array()) {
    auto& table = tables.emplace_back();
    table.impl_->source = impl_->source;
    table.impl_->root = std::move(*item.as_table());  // moved: a copy forgets its lines
  }
  impl_->root.erase(key);
  return tables;
}

std::vector<Setting> ConfigFile::settings() const {
  std::vector<Setting> settings;
  list_settings(impl_->root, "", settings);
  return settings;
}

void ConfigFile::apply(const Schema& schema) const {
  const Known known(schema);
  apply_table(impl_->root, "", impl_->source, known);
  for (const auto& given : impl_->assignments) {
    const Field* field = known.field(given.key);
    if (field == nullptr) throw ConfigError(given.origin + ": unknown key", known.hint(given.key));
    assign(*field, given);
  }
}

}  // namespace kuda
