#pragma once
// Bodies of forms (multipart/form-data, RFC 7578) into their parts.

#include <string>
#include <string_view>
#include <vector>

namespace kuda {

struct FormPart {
  std::string name, content;
};

/// Whether a Content-Type is that of a form.
[[nodiscard]] bool is_form_type(std::string_view content_type);

/// At most 16 parts, each with a name; `content_type` tells the boundary. Throws DataError for anything else: no
/// boundary, text before the first part, a part without an end or a name.
[[nodiscard]] std::vector<FormPart> read_form(std::string_view content_type, std::string_view body);

}  // namespace kuda
