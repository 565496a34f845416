#pragma once
// What headers say, as their grammar has it (RFC 9110): media types, codings and schemes have no case, spaces around
// them mean nothing.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kuda/serve/http/message.h"

namespace kuda {

/// Without the spaces and tabs around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// "Application/JSON; charset=UTF-8" -> "application/json"
[[nodiscard]] std::string media_type_of(std::string_view value);
/// The parameter of a value like `form-data; name="text"; filename="a;b"`, whatever stands before and after it; `name`
/// in lower case. Nothing where it is not there, or where a quotation has no end.
[[nodiscard]] std::optional<std::string> parameter_of(std::string_view value, std::string_view name);

/// The items of all headers of that name, which separates them with commas: in lower case, empty ones left out.
[[nodiscard]] std::vector<std::string> list_in(const Request& request, std::string_view name);

/// How the content is packed: "" where it is not ("identity"), "gzip" also for its old name. What is no single known
/// coding comes back as it is.
[[nodiscard]] std::string content_coding_of(const Request& request);

}  // namespace kuda
