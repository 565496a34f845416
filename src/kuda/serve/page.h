#pragma once
// The page at "/": serve/page/index.html with its style and its script, built into the program. No LibTorch.

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace kuda {

struct PageFile {
  std::string_view content;
  const char* type;
};

/// "/", "/page.css" or "/page.js"; nothing for other paths, and for "/" when `accept` (the header Accept) does not ask
/// for HTML: a program gets the list of paths as text.
[[nodiscard]] std::optional<PageFile> page_file(std::string_view path, std::string_view accept);

/// Headers of all three: nothing but these files runs or is shown, and nothing is fetched from elsewhere.
[[nodiscard]] const std::vector<std::pair<const char*, const char*>>& page_headers();

}  // namespace kuda
