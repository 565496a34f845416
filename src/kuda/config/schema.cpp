#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>

#include "kuda/base/file.h"
#include "kuda/config/config.h"

namespace kuda {
namespace {

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// Text inside a cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : one_line(text)) {
    if (c == '|' || c == '<' || c == '*') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// "a number, at least 0"; for a choice the choices say it all.
std::string type_cell(const Field& field) {
  const std::string allowed = allowed_values(field);
  const bool is_list = type_name(field.target).starts_with("a list");
  if (allowed.starts_with("one of ") && !is_list) return allowed;
  return std::string(type_name(field.target)) + (allowed.empty() ? "" : (is_list ? ", each " : ", ") + allowed);
}

bool has_field(const Fields& fields, const std::string& name) {
  return std::any_of(fields.list().begin(), fields.list().end(), [&](const Field& f) { return f.name == name; });
}

}  // namespace

void Schema::add(std::string name, std::string help, Fields fields) {
  auto section = std::find_if(sections_.begin(), sections_.end(), [&](const Section& s) { return s.name == name; });
  if (section == sections_.end()) {
    // TOML keys of the top level must stand before the first table.
    section = sections_.insert(name.empty() ? sections_.begin() : sections_.end(), {name, std::move(help), {}});
  }
  for (const auto& field : fields.list()) {
    if (has_field(section->fields, field.name)) throw std::logic_error("field " + name + "." + field.name + " twice");
    section->fields.add(field);
  }
}

std::string Schema::to_toml(bool with_help) const {
  std::string text;
  for (const auto& section : sections_) {
    if (!text.empty()) text += '\n';
    if (with_help && !section.help.empty()) text += "# " + one_line(section.help) + '\n';
    if (!section.name.empty()) text += "[" + section.name + "]\n";
    for (const auto& field : section.fields.list()) {
      if (with_help) text += "# " + one_line(field.help) + '\n';
      text += field.name + " = " + toml_value(field.target) + '\n';
    }
  }
  return text;
}

std::vector<Setting> Schema::settings() const {
  std::vector<Setting> settings;
  for (const auto& section : sections_)
    for (const auto& field : section.fields.list())
      settings.push_back({section.name.empty() ? field.name : section.name + "." + field.name, toml_value(field.target),
                          field.effect});
  return settings;
}

std::string Schema::digest() const {
  Schema counting;
  for (const auto& section : sections_) {
    Fields fields;
    for (const auto& field : section.fields.list())
      if (field.effect != Effect::none) fields.add(field);
    counting.add(section.name, section.help, std::move(fields));
  }
  const auto text = counting.to_toml();
  return sha256(std::as_bytes(std::span(text)));
}

std::string Schema::to_markdown() const {
  std::string text;
  for (const auto& section : sections_) {
    if (!text.empty()) text += '\n';
    text += section.name.empty() ? "## Top level\n\n" : fmt::format("## [{}]\n\n", section.name);
    if (!section.help.empty()) text += section.help + "\n\n";
    text += "| key | type | default | meaning |\n| --- | --- | --- | --- |\n";
    for (const auto& field : section.fields.list())
      text += fmt::format("| `{}` | {} | `{}` | {} |\n", field.name, cell(type_cell(field)), toml_value(field.target),
                          cell(field.help));
  }
  return text;
}

}  // namespace kuda
