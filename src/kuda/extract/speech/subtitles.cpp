#include "kuda/extract/speech/subtitles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/log.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/utf8.h"

namespace kuda {
namespace {

constexpr std::string_view kSpaces = " \t";
constexpr std::string_view kArrow = "-->";

std::string_view trimmed_line(std::string_view text) {
  const auto first = text.find_first_not_of(kSpaces);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

/// Lines of a file with LF, CRLF or CR, and where the reader stands.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) { advance(); }
  [[nodiscard]] bool at_end() const { return !line_; }
  [[nodiscard]] std::string_view line() const { return *line_; }
  [[nodiscard]] bool is_blank() const { return trimmed_line(*line_).empty(); }
  [[nodiscard]] std::size_t number() const { return number_; }  ///< from 1
  void advance() {
    line_.reset();
    if (at_ >= text_.size()) return;
    const auto end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    line_ = text_.substr(at_, end - at_);
    at_ = end + (text_.substr(end).starts_with("\r\n") ? 2 : 1);
    ++number_;
  }
  void skip_block() {
    while (!at_end() && !is_blank()) advance();
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0, number_ = 0;
  std::optional<std::string_view> line_;
};

/// One to `most` digits at the front, which are taken off.
std::optional<int> take_number(std::string_view& text, std::size_t most) {
  std::size_t count = 0;
  int value = 0;
  while (count < text.size() && count < most && text[count] >= '0' && text[count] <= '9')
    value = value * 10 + (text[count++] - '0');
  text.remove_prefix(count);
  return count == 0 ? std::nullopt : std::optional(value);
}

/// [hours:]minutes:seconds and a fraction after a comma or a point, at the front of `text`.
std::optional<double> take_time(std::string_view& text) {
  std::array<int, 3> parts{};  // what was read last comes last
  int count = 0;
  while (true) {
    const auto part = take_number(text, 3);
    if (!part) return std::nullopt;
    if (count == 3) return std::nullopt;
    parts[std::size_t(count++)] = *part;
    if (!text.starts_with(':')) break;
    text.remove_prefix(1);
  }
  if (count < 2) return std::nullopt;
  const int seconds = parts[std::size_t(count) - 1], minutes = parts[std::size_t(count) - 2];
  if (seconds >= 60 || minutes >= 60) return std::nullopt;
  double time = (count == 3 ? parts[0] * 3600.0 : 0) + minutes * 60.0 + seconds;
  if (!text.starts_with(',') && !text.starts_with('.')) return time;
  text.remove_prefix(1);
  const auto digits = text.size();
  const auto fraction = take_number(text, 3);
  if (!fraction) return std::nullopt;
  double scale = 1;
  for (auto i = digits - text.size(); i > 0; --i) scale *= 10;
  return time + *fraction / scale;
}

/// "00:01:02,500 --> 00:01:04,000 position:50%"; what follows the times is ignored.
std::optional<std::pair<double, double>> times_of(std::string_view line) {
  line = trimmed_line(line);
  const auto begin = take_time(line);
  line = trimmed_line(line);
  if (!begin || !line.starts_with(kArrow)) return std::nullopt;
  line = trimmed_line(line.substr(kArrow.size()));
  const auto end = take_time(line);
  if (!end || (!line.empty() && line.front() != ' ' && line.front() != '\t')) return std::nullopt;
  return std::pair(*begin, *end);
}

/// Without <i>, <v Anna>, <00:01.500> and {\an8}; entities as the characters they stand for.
std::string plain_text(std::string_view line) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kEntities{{{"&amp;", "&"},
                                                                                           {"&lt;", "<"},
                                                                                           {"&gt;", ">"},
                                                                                           {"&quot;", "\""},
                                                                                           {"&#39;", "'"},
                                                                                           {"&nbsp;", " "},
                                                                                           {"&lrm;", ""},
                                                                                           {"&rlm;", ""}}};
  // The tags of SubRip and WebVTT. "a<b and c>d" holds none, nor does "I <3 it -> 10/10".
  static constexpr std::array<std::string_view, 6> kBare{"i", "b", "u", "s", "ruby", "rt"};
  static constexpr std::array<std::string_view, 4> kWithWords{"font", "v", "c", "lang"};
  const auto is_tag = [&](std::size_t at) {
    if (line.substr(at).starts_with("{\\")) return true;
    if (line[at] != '<') return false;
    auto rest = line.substr(at + 1);
    if (auto time = rest; take_time(time) && time.starts_with('>')) return true;
    if (rest.starts_with('/')) rest.remove_prefix(1);
    const auto end = rest.find_first_of(">. \t");
    const auto name = lower_case(rest.substr(0, end));
    if (std::find(kWithWords.begin(), kWithWords.end(), name) != kWithWords.end()) return true;
    return end != std::string_view::npos && rest[end] != ' ' && rest[end] != '\t' &&
           std::find(kBare.begin(), kBare.end(), name) != kBare.end();
  };
  std::string text;
  for (std::size_t at = 0; at < line.size();) {
    if (is_tag(at)) {
      const auto close = line.find(line[at] == '<' ? '>' : '}', at);
      if (close != std::string_view::npos) {
        at = close + 1;
        continue;
      }
    }
    const auto* entity = &kEntities.front();
    while (entity != kEntities.end() && !line.substr(at).starts_with(entity->first)) ++entity;
    if (entity != kEntities.end()) {
      text += entity->second;
      at += entity->first.size();
    } else {
      text += line[at++];
    }
  }
  return std::string(trimmed_line(text));
}

class Parser {
 public:
  Parser(std::string_view content, const std::string& name) : lines_(content), name_(name) {}

  std::vector<Subtitle> parse() {
    if (!lines_.at_end() && lines_.line().starts_with("WEBVTT")) lines_.skip_block();
    while (!lines_.at_end()) {
      if (lines_.is_blank())
        lines_.advance();
      else if (is_comment())
        lines_.skip_block();
      else
        read_subtitle();
    }
    if (subtitles_.empty()) throw DataError(name_ + ": expected subtitles, found none");
    if (overlaps_ > 0)
      log_warning("{}: {} subtitles begin before the one above them ends, the first at line {}", name_, overlaps_,
                  first_overlap_);
    return std::move(subtitles_);
  }

 private:
  /// Blocks of WebVTT that hold no text to be shown.
  [[nodiscard]] bool is_comment() const {
    const auto line = trimmed_line(lines_.line());
    return line == "STYLE" || line == "REGION" || line == "NOTE" || line.starts_with("NOTE ");
  }

  void read_subtitle() {
    if (!times_of(lines_.line()) && lines_.line().find(kArrow) == std::string_view::npos) lines_.advance();  // its name
    const auto number = lines_.number();
    const auto times = lines_.at_end() ? std::nullopt : times_of(lines_.line());
    if (!times)
      throw FormatError(
          fmt::format("{}: line {}: expected times as 00:01:02,500 --> 00:01:04,000, found {}", name_, number,
                      lines_.at_end() ? "the end" : fmt::format("'{}'", trimmed_line(lines_.line()).substr(0, 60))),
          "a subtitle is a number, a line of times, and lines of text up to an empty one");
    if (times->second < times->first)
      throw DataError(fmt::format("{}: line {}: expected an end after the begin, found {:.3f} s to {:.3f} s", name_,
                                  number, times->first, times->second));
    if (!subtitles_.empty() && times->first < subtitles_.back().begin)
      throw DataError(fmt::format("{}: line {}: expected a begin after that of the subtitle above ({:.3f} s), found "
                                  "{:.3f} s",
                                  name_, number, subtitles_.back().begin, times->first),
                      "sort the subtitles by time");
    lines_.advance();
    std::string text;
    for (; !lines_.at_end() && !lines_.is_blank(); lines_.advance())
      if (const auto line = plain_text(lines_.line()); !line.empty()) text += (text.empty() ? "" : " ") + line;
    if (text.empty()) return;
    if (!subtitles_.empty() && times->first < subtitles_.back().end && overlaps_++ == 0) first_overlap_ = number;
    subtitles_.push_back({times->first, times->second, std::move(text)});
  }

  Lines lines_;
  const std::string& name_;
  std::vector<Subtitle> subtitles_;
  std::size_t overlaps_ = 0, first_overlap_ = 0;
};

}  // namespace

std::vector<Subtitle> parse_subtitles(std::string_view content, const std::string& name) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (content.starts_with(kMark)) content.remove_prefix(kMark.size());
  if (!is_utf8(content))
    throw FormatError(name + ": expected text in UTF-8",
                      "iconv -f WINDOWS-1252 -t UTF-8 FILE (or -f UTF-16, -f GB18030)");
  return Parser(content, name).parse();
}

std::vector<Subtitle> read_subtitles(const std::filesystem::path& path) {
  return parse_subtitles(read_file(path), path.string());
}

}  // namespace kuda
