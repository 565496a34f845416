#pragma once
// TOML to typed structs. Order: defaults < file < --set key=value. Unknown keys, wrong types and values out of
// range are ConfigErrors with file, line and the nearest known name.
//
//   Schema schema;                       // sections in the order in which they are printed
//   schema.add("train", "optimisation of stage 2", fields_of_train);
//   ConfigFile file = ConfigFile::load("configs/kuda_mosi.toml");
//   file.set("train.lr=1e-4");
//   file.apply(schema);                  // fills the structs behind the fields
//   write_file("config.toml", schema.to_toml());

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kuda/config/fields.h"

namespace kuda {

struct Section {
  std::string name;  ///< "" for the top level, else the TOML table
  std::string help;
  Fields fields;
};

/// One key with its value.
struct Setting {
  std::string key, value;  ///< "train.lr", "1e-04": as in TOML
  Effect effect = Effect::numbers;
  bool operator==(const Setting&) const = default;
};

class Schema {
 public:
  /// A second call with the same name adds to that section. Throws std::logic_error when a field is there twice.
  void add(std::string name, std::string help, Fields fields);
  [[nodiscard]] const std::vector<Section>& sections() const noexcept { return sections_; }
  /// Complete, current values; loads back to the same values. With `with_help` each key has its meaning above it.
  [[nodiscard]] std::string to_toml(bool with_help = false) const;
  [[nodiscard]] std::vector<Setting> settings() const;  ///< every key in its order, current values
  /// SHA-256 of what a run may not change and still be the same run: every key whose effect is not `none`.
  [[nodiscard]] std::string digest() const;
  [[nodiscard]] std::string to_markdown() const;  ///< one table per section: key, type, default, meaning

 private:
  std::vector<Section> sections_;
};

class ConfigFile {
 public:
  ConfigFile();  ///< empty: defaults only
  ~ConfigFile();
  ConfigFile(ConfigFile&&) noexcept;
  ConfigFile& operator=(ConfigFile&&) noexcept;
  static ConfigFile load(const std::filesystem::path& path);
  static ConfigFile parse(const std::string& text, const std::string& source);
  /// "train.lr=1e-4": the value is TOML. Where the field is text, quotes may be left out; where it is a list, brackets
  /// and quotes may ("kuda.adapter_layers=3,6,9"). A later assignment wins. `origin` stands in front in errors
  /// ("profile paper").
  void set(std::string_view assignment, std::string origin = "--set");
  /// A top-level or dotted key given as text before the schema is known (for example "model"); empty when absent.
  [[nodiscard]] std::string peek_text(std::string_view key) const;
  /// True when the file or an assignment gives the dotted key.
  [[nodiscard]] bool has(std::string_view key) const;
  /// Takes the tables of [[key]] out of the file, in their order, each as a file of its own; none when the key is
  /// absent. Throws ConfigError when it holds something else.
  [[nodiscard]] std::vector<ConfigFile> take_tables(const std::string& key);
  /// The keys of the file as it stands, without a schema and without assignments, sorted; each may change numbers.
  [[nodiscard]] std::vector<Setting> settings() const;
  /// Fills the structs behind the fields. Throws ConfigError at the first key that is unknown, of another type or
  /// out of range; fields before it have their new values then.
  void apply(const Schema& schema) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kuda
