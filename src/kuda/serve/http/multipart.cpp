#include "kuda/serve/http/multipart.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr std::size_t kMostParts = 16, kLongestBoundary = 70, kLongestPartHead = 16384;

[[noreturn]] void throw_broken() { throw DataError("the body is incomplete, or no valid form"); }

std::string lower_case_of(std::string_view text) {
  std::string lower(text);
  for (auto& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

/// Takes `begin` off the front of `text`, if it is there.
bool take(std::string_view& text, std::string_view begin) {
  const bool is_there = text.starts_with(begin);
  if (is_there) text.remove_prefix(begin.size());
  return is_there;
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// `token` or "quoted", where \" and \\ stand for " and \. Nothing where the quotation has no end.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!take(text, "\"")) {
    const auto size = std::min(text.find_first_of("; \t"), text.size());
    value = text.substr(0, size);
    text.remove_prefix(size);
    return value;
  }
  while (!text.empty()) {
    if (take(text, "\"")) return value;
    if (text.size() > 1 && text[0] == '\\' && (text[1] == '"' || text[1] == '\\')) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  return std::nullopt;
}

/// The parameter of a header like `form-data; name="text"; filename="a;b"`. Nothing where it is not there, or where the
/// header is not of `kind`.
std::optional<std::string> parameter_of(std::string_view header, std::string_view kind, std::string_view name) {
  const auto kind_end = std::min(header.find(';'), header.size());
  auto found = header.substr(0, kind_end);
  while (found.ends_with(' ') || found.ends_with('\t')) found.remove_suffix(1);
  if (lower_case_of(found) != kind) return std::nullopt;
  header.remove_prefix(kind_end);
  while (take(header, ";")) {
    skip_spaces(header);
    const auto equals = header.find_first_of("=;");
    if (equals == std::string_view::npos || header[equals] == ';') return std::nullopt;
    const auto key = lower_case_of(header.substr(0, equals));
    header.remove_prefix(equals + 1);
    auto value = take_value(header);
    if (!value) return std::nullopt;
    if (key == name) return value;
    skip_spaces(header);
  }
  return std::nullopt;
}

/// The name in the lines above a part's content, without the empty one at their end.
std::optional<std::string> name_in(std::string_view head) {
  constexpr std::string_view kLine = "content-disposition:";
  while (!head.empty()) {
    auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    if (lower_case_of(line.substr(0, kLine.size())) != kLine) continue;
    line.remove_prefix(kLine.size());
    skip_spaces(line);
    return parameter_of(line, "form-data", "name");
  }
  return std::nullopt;
}

}  // namespace

bool is_form_type(std::string_view content_type) {
  return lower_case_of(content_type).starts_with("multipart/form-data");
}

std::vector<FormPart> read_form(std::string_view content_type, std::string_view body) {
  const auto boundary = parameter_of(content_type, "multipart/form-data", "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kLongestBoundary) throw_broken();
  const auto between = "\r\n--" + *boundary;
  if (!take(body, std::string_view(between).substr(2))) throw_broken();
  std::vector<FormPart> parts;
  while (!take(body, "--")) {
    if (!take(body, "\r\n") || parts.size() >= kMostParts) throw_broken();
    const auto head_end = body.substr(0, kLongestPartHead).find("\r\n\r\n");
    if (head_end == std::string_view::npos) throw_broken();
    const auto name = name_in(body.substr(0, head_end));
    body.remove_prefix(head_end + 4);
    const auto content_end = body.find(between);
    if (!name || content_end == std::string_view::npos) throw_broken();
    parts.push_back({*name, std::string(body.substr(0, content_end))});
    body.remove_prefix(content_end + between.size());
  }
  return parts;
}

}  // namespace kuda
