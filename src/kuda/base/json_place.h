#pragma once
// A value of a JSON file that knows where it stands, so that a damaged file is named with the place: no value of
// another kind or out of its range goes through. Not for headers: the parser is large.
//
//   const auto object = nlohmann::ordered_json::parse(read_file(path));
//   const JsonPlace root(object, path.string());
//   facts.seed = root.at("seed").whole();    // DataError: metrics.json: seed: expected a whole number ..., found 1e+30

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kuda {

/// The JSON must outlive it. Everything throws DataError naming the file and the place.
class JsonPlace {
 public:
  using json = nlohmann::ordered_json;
  JsonPlace(const json& value, std::string file) : value_(value), file_(std::move(file)) {}

  [[nodiscard]] bool has(const std::string& key) const { return value_.is_object() && value_.contains(key); }
  [[nodiscard]] JsonPlace at(const std::string& key) const;
  /// Keys and values of an object.
  [[nodiscard]] std::vector<std::pair<std::string, JsonPlace>> entries() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool flag() const;
  [[nodiscard]] std::int64_t whole() const;  ///< 0 or more
  [[nodiscard]] std::size_t count() const { return std::size_t(whole()); }
  [[nodiscard]] double number() const;  ///< NaN for null, which stands for it (base/json_number.h)
  [[nodiscard]] double share() const;   ///< 0 to 1
  /// Throws: "FILE: PLACE: expected WHAT, found VALUE".
  [[noreturn]] void expected(const std::string& what) const;

 private:
  JsonPlace(const json& value, std::string file, std::string place)
      : value_(value), file_(std::move(file)), place_(std::move(place)) {}
  const json& value_;
  std::string file_, place_;
};

}  // namespace kuda
