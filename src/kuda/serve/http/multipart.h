#pragma once
// Bodies of forms (multipart/form-data, RFC 7578 and RFC 2046) into their parts.

#include <string>
#include <string_view>
#include <vector>

namespace kuda {

struct FormPart {
  std::string name, content;
};

/// Whether a Content-Type is that of a form.
[[nodiscard]] bool is_form_type(std::string_view content_type);

/// At most 16 parts, each with a name; `content_type` tells the boundary. What stands before the first and after the
/// last part is left out; lines may end with LF alone where those of the first boundary do. A file input of a
/// browser's form in which no file was chosen is no part. A part that names a charset for its text, or for which the
/// part `_charset_` does, comes as UTF-8. Throws DataError for anything else: no boundary, a part without an end or a
/// name, an unknown charset, packed content (base64).
[[nodiscard]] std::vector<FormPart> read_form(std::string_view content_type, std::string_view body);

}  // namespace kuda
