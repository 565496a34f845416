#include "kuda/serve/http/charset.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/lower_case.h"
#include "kuda/serve/http/header_values.h"

namespace kuda {
namespace {

struct Charset {
  const char *name, *iconv_name;
};

/// A list of ours: the name comes from the client, and iconv has hundreds of converters, some with a history of bugs.
constexpr std::array<Charset, 17> kCharsets{{{"us-ascii", "US-ASCII"},
                                             {"ascii", "US-ASCII"},
                                             {"iso-8859-1", "ISO-8859-1"},
                                             {"latin1", "ISO-8859-1"},
                                             {"iso-8859-15", "ISO-8859-15"},
                                             {"windows-1252", "CP1252"},
                                             {"cp1252", "CP1252"},
                                             {"gb2312", "GB18030"},  // as browsers read it: GB18030 holds all of it
                                             {"gbk", "GB18030"},
                                             {"cp936", "GB18030"},
                                             {"gb18030", "GB18030"},
                                             {"big5", "BIG5"},
                                             {"shift_jis", "SHIFT_JIS"},
                                             {"euc-kr", "EUC-KR"},
                                             {"utf-16", "UTF-16LE"},
                                             {"utf-16le", "UTF-16LE"},
                                             {"utf-16be", "UTF-16BE"}}};

bool is_utf8_name(std::string_view name) { return name.empty() || name == "utf-8" || name == "utf8"; }

const Charset* find_charset(std::string_view name) {
  const auto* const found =
      std::find_if(kCharsets.begin(), kCharsets.end(), [&](const Charset& charset) { return charset.name == name; });
  return found == kCharsets.end() ? nullptr : found;
}

constexpr std::string_view kBigEndianMark = "\xfe\xff", kLittleEndianMark = "\xff\xfe", kMark = "\xef\xbb\xbf";

/// The first character of JSON is an ASCII one, so that one of its two bytes is 0.
bool begins_as_utf16(std::string_view text) {
  return text.starts_with(kBigEndianMark) || text.starts_with(kLittleEndianMark) ||
         (text.size() > 1 && (text[0] == '\0') != (text[1] == '\0'));
}

bool is_big_endian(std::string_view text) {
  return text.starts_with(kBigEndianMark) || (text.size() > 1 && text[0] == '\0' && text[1] != '\0');
}

}  // namespace

const char* known_charsets() noexcept {
  return "utf-8, us-ascii, iso-8859-1, iso-8859-15, windows-1252, gb2312, gbk, gb18030, big5, shift_jis, euc-kr, "
         "utf-16, utf-16le or utf-16be";
}

bool knows_charset(std::string_view charset) {
  const auto name = lower_case(charset);
  return is_utf8_name(name) || find_charset(name) != nullptr;
}

std::optional<std::string> utf8_from(std::string_view text, std::string_view charset) {
  const auto name = lower_case(charset);
  if (is_utf8_name(name)) return std::string(text);
  const auto* const found = find_charset(name);
  if (found == nullptr) return std::nullopt;
  const bool is_utf16 = found->name == std::string_view("utf-16");
  auto* const converter = ::iconv_open("UTF-8", is_utf16 && is_big_endian(text) ? "UTF-16BE" : found->iconv_name);
  if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt;  // the system lacks it
  std::string utf8(4 * text.size(), '\0');      // no charset here needs more than 4 bytes a byte
  auto* from = const_cast<char*>(text.data());  // iconv only reads it
  auto* to = utf8.data();
  auto left = text.size(), room = utf8.size();
  const auto result = ::iconv(converter, &from, &left, &to, &room);
  ::iconv_close(converter);
  if (result == static_cast<std::size_t>(-1) || left > 0) return std::nullopt;
  utf8.resize(utf8.size() - room);
  if (is_utf16 && utf8.starts_with(kMark)) utf8.erase(0, kMark.size());
  return utf8;
}

std::string json_text(std::string body, std::string_view content_type) {
  auto charset = parameter_of(content_type, "charset").value_or("");
  if (is_utf8_name(lower_case(charset))) {
    if (!begins_as_utf16(body)) return body;
    charset = "utf-16";  // whatever the type says: no JSON in UTF-8 begins so
  }
  if (auto text = utf8_from(body, charset)) return std::move(*text);
  if (knows_charset(charset))
    throw DataError(fmt::format("request: expected JSON in {}, as its charset says, found other bytes", charset));
  throw DataError(fmt::format("request: charset: expected {}, found '{}'", known_charsets(), charset.substr(0, 40)),
                  "send UTF-8");
}

}  // namespace kuda
