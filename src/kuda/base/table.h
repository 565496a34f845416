#pragma once
// Results on stdout as plain aligned columns.
//
//   Table table({"split", "clips"});
//   table.add({"train", "1284"});
//   std::cout << table.text();

#include <string>
#include <vector>

namespace kuda {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Numbers are aligned to the right, all else to the left; a rule stands under the header.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Columns on a terminal that `text` takes, by code points (UTF-8).
[[nodiscard]] std::size_t display_width(const std::string& text);

}  // namespace kuda
