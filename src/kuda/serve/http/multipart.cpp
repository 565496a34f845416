#include "kuda/serve/http/multipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/serve/http/charset.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

constexpr std::size_t kMostParts = 16, kLongestBoundary = 70, kLongestPartHead = 16384;
constexpr auto kNowhere = std::string_view::npos;

[[noreturn]] void throw_broken(const std::string& reason, std::string hint = {}) {
  throw DataError("the body is incomplete, or no valid form: " + reason, std::move(hint));
}

std::string boundary_of(std::string_view content_type) {
  const auto boundary =
      is_form_type(content_type) ? parameter_of(content_type, "boundary") : std::optional<std::string>();
  if (!boundary || boundary->empty() || boundary->size() > kLongestBoundary)
    throw_broken(fmt::format("expected a Content-Type with a boundary of 1 to {} bytes, found '{}'", kLongestBoundary,
                             content_type.substr(0, 100)),
                 "let the client set the Content-Type of a form: it knows the boundary");
  return *boundary;
}

/// A line with the boundary: where it begins, with the line break before it, and where what follows it begins.
struct Delimiter {
  std::size_t begin = kNowhere, end = kNowhere;
  bool is_last = false;
  std::string_view line_break;
};

/// Spaces may follow the boundary (RFC 2046, section 5.1.1). A longer line that only begins so is content.
std::optional<Delimiter> delimiter_at(std::string_view body, std::size_t begin, std::size_t boundary_end) {
  if (body.substr(boundary_end).starts_with("--")) return Delimiter{begin, boundary_end + 2, true, {}};
  const auto end = body.find_first_not_of(" \t", boundary_end);
  for (const std::string_view line_break : {"\r\n", "\n"})
    if (end != kNowhere && body.substr(end).starts_with(line_break))
      return Delimiter{begin, end + line_break.size(), false, line_break};
  return std::nullopt;
}

/// The first one, at the beginning of a line.
Delimiter first_delimiter(std::string_view body, const std::string& boundary) {
  const auto line = "--" + boundary;
  for (std::size_t at = body.find(line); at != kNowhere; at = body.find(line, at + 1))
    if (at == 0 || body[at - 1] == '\n')
      if (const auto found = delimiter_at(body, at, at + line.size())) return *found;
  throw_broken(fmt::format("expected the boundary '{}' of the Content-Type, found none", boundary),
               "let the client set the Content-Type of a form: it knows the boundary");
}

Delimiter next_delimiter(std::string_view body, const std::string& between, const Delimiter& before) {
  for (std::size_t at = body.find(between, before.end); at != kNowhere; at = body.find(between, at + 1))
    if (const auto found = delimiter_at(body, at, at + between.size()))
      if (found->is_last || before.line_break != "\r\n" || found->line_break == before.line_break) {
        auto next = *found;
        next.line_break = before.line_break;
        return next;
      }
  throw_broken("expected the boundary after the last part, found none");
}

/// What the lines above a part's content say.
struct PartHead {
  std::optional<std::string> name;
  std::string charset, packing;
  bool is_text = true, is_file = false;
  bool has_no_file = false;  ///< a file input of a browser's form in which nothing was chosen
};

PartHead head_of(std::string_view text, std::string_view line_break) {
  PartHead head;
  while (!text.empty()) {
    std::string line;
    do {  // a line that begins with a space goes on from the one before
      const auto piece = text.substr(0, text.find(line_break));
      text.remove_prefix(std::min(piece.size() + line_break.size(), text.size()));
      line += piece;
    } while (!text.empty() && (text.front() == ' ' || text.front() == '\t'));
    const auto colon = std::min(line.find(':'), line.size());
    const auto key = lower_case(trimmed(std::string_view(line).substr(0, colon)));
    const auto value = trimmed(std::string_view(line).substr(std::min(colon + 1, line.size())));
    if (key == "content-disposition" && media_type_of(value) == "form-data") {
      head.name = parameter_of(value, "name");
      const auto file = parameter_of(value, "filename");
      head.is_file = file.has_value();
      head.has_no_file = file && file->empty();
    }
    if (key == "content-transfer-encoding") head.packing = lower_case(value);
    if (key == "content-type") {
      head.is_text = media_type_of(value).starts_with("text/");
      head.charset = head.is_text ? parameter_of(value, "charset").value_or("") : "";
    }
  }
  return head;
}

std::string unpacked(const PartHead& head, std::string_view content, const std::string& usual_charset) {
  const auto name = head.name->substr(0, 40);
  if (!head.packing.empty() && head.packing != "7bit" && head.packing != "8bit" && head.packing != "binary")
    throw DataError(fmt::format("{}: Content-Transfer-Encoding: expected 7bit, 8bit or binary, found '{}'", name,
                                head.packing.substr(0, 40)),
                    "send the bytes as they are");
  const auto charset = head.charset.empty() && head.is_text && !head.is_file ? usual_charset : head.charset;
  auto text = utf8_from(content, charset);
  if (text) return std::move(*text);
  if (knows_charset(charset))
    throw DataError(fmt::format("{}: expected a text in {}, as its charset says, found other bytes", name, charset));
  throw DataError(fmt::format("{}: charset: expected {}, found '{}'", name, known_charsets(), charset.substr(0, 40)),
                  "send UTF-8");
}

}  // namespace

bool is_form_type(std::string_view content_type) { return media_type_of(content_type) == "multipart/form-data"; }

std::vector<FormPart> read_form(std::string_view content_type, std::string_view body) {
  const auto boundary = boundary_of(content_type);
  auto delimiter = first_delimiter(body, boundary);
  const auto line_break = delimiter.line_break;
  const std::string_view empty_line = line_break == "\n" ? "\n\n" : "\r\n\r\n";
  const auto between = std::string(line_break) + "--" + boundary;
  std::vector<std::pair<PartHead, std::string_view>> found;
  std::string usual_charset;
  while (!delimiter.is_last) {
    const auto begin = delimiter.end;
    const auto head_end = body.substr(begin, kLongestPartHead).find(empty_line);
    if (head_end == kNowhere) throw_broken("expected an empty line after the head of each part, found none");
    auto head = head_of(body.substr(begin, head_end), line_break);
    if (!head.name) throw_broken("expected 'Content-Disposition: form-data; name=...' in each part, found none");
    const auto content = begin + head_end + empty_line.size();
    delimiter.end = content - line_break.size();  // an empty content may share its line break with the boundary
    delimiter = next_delimiter(body, between, delimiter);
    const auto size = delimiter.begin > content ? delimiter.begin - content : 0;
    if (*head.name == "_charset_")  // RFC 7578, section 4.6
      usual_charset = body.substr(content, size);
    else if (head.has_no_file && size == 0)
      continue;
    else if (found.size() >= kMostParts)
      throw_broken(fmt::format("expected at most {} parts, found more", kMostParts));
    else
      found.emplace_back(std::move(head), body.substr(content, size));
  }
  std::vector<FormPart> parts;
  for (const auto& [head, content] : found) parts.push_back({*head.name, unpacked(head, content, usual_charset)});
  return parts;
}

}  // namespace kuda
