#pragma once
// docs/parity.json: what was compared with the published implementations and how far off it is. docs/parity.md is made
// from it, and `kuda models` holds a copy.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace kuda::golden {

/// One golden file. `values` is 0 where the check itself failed.
struct ParityCase {
  std::string model, name;  ///< folder and stem of the file
  std::size_t values = 0;
  double largest_error = 0;  ///< absolute
  bool holds = false;
};

/// The cases in the given order, then the sizes of the presets in `configs`.
[[nodiscard]] nlohmann::ordered_json parity_facts(const std::vector<ParityCase>& cases,
                                                  const std::filesystem::path& configs);
/// The page for people. Throws nlohmann::json::exception for another layout.
[[nodiscard]] std::string parity_page(const nlohmann::ordered_json& facts);
/// parity.json and parity.md in `folder`, each replaced as a whole.
void write_parity(const std::filesystem::path& folder, const nlohmann::ordered_json& facts);

}  // namespace kuda::golden
