#pragma once
// A value of a JSON file that knows where it stands, so that a damaged file is named with the place: no value of
// another kind or out of its range goes through. Not for headers: the parser is large.
//
//   const auto object = parse_json(read_file(path), path.string());
//   const JsonPlace root(object, path.string());
//   facts.seed = root.at("seed").whole();    // DataError: metrics.json: seed: expected a whole number ..., found 1e+30

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kuda {

/// What the parser found, in our words: "line 3, column 5: expected ',' or '}', found the end"; of a value that has
/// another type, or is not there, "expected a string, found a number", "'seed' is absent". Nothing of the text is in
/// it.
[[nodiscard]] std::string json_fault(const nlohmann::detail::exception& error);

/// Throws DataError "FILE: not JSON: line 3, column 5: expected ..., found ...".
[[nodiscard]] nlohmann::ordered_json parse_json(const std::string& text, const std::string& file,
                                                const std::string& hint = {});

/// The JSON must outlive it. Everything throws DataError naming the file and the place.
class JsonPlace {
 public:
  using json = nlohmann::ordered_json;
  JsonPlace(const json& value, std::string file) : value_(value), file_(std::move(file)) {}

  [[nodiscard]] bool has(const std::string& key) const { return value_.is_object() && value_.contains(key); }
  [[nodiscard]] JsonPlace at(const std::string& key) const;
  /// Keys and values of an object.
  [[nodiscard]] std::vector<std::pair<std::string, JsonPlace>> entries() const;
  /// Of a list with so many items.
  [[nodiscard]] std::vector<JsonPlace> items(std::size_t count) const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] std::int64_t whole() const;  ///< 0 or more
  [[nodiscard]] std::size_t count() const { return std::size_t(whole()); }
  [[nodiscard]] double number() const;  ///< NaN for null, which stands for it (base/json_number.h)
  [[nodiscard]] double share() const;   ///< 0 to 1
  [[nodiscard]] const json& value() const noexcept { return value_; }
  /// Throws: "FILE: PLACE: expected WHAT, found VALUE".
  [[noreturn]] void expected(const std::string& what) const;

 private:
  JsonPlace(const json& value, std::string file, std::string place)
      : value_(value), file_(std::move(file)), place_(std::move(place)) {}
  const json& value_;
  std::string file_, place_;
};

}  // namespace kuda
