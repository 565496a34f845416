#include "kuda/serve/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/extract/clip_part.h"
#include "kuda/serve/clip_form.h"

namespace kuda {
namespace {

constexpr double kTiny = 1e-6;
constexpr double kFrame = 0.1;  // seconds: a picture
constexpr double kRest = 0.25;  // seconds at the end that are no window of their own
constexpr double kWord = 0.5;   // seconds before the end of a piece where a word may be cut
constexpr double kLead = 0.2;   // seconds before an utterance that are heard with it

double number_of(const std::string& name, const std::string& text, double least, double most) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most))
    throw DataError(
        fmt::format("{}: expected seconds from {} to {}, found '{}'", name, least, most, text.substr(0, 40)));
  return value;
}

/// One of `by`, window and step. True where it is one.
bool set_option(const std::string& name, const std::string& value, TimelineOptions& options) {
  if (name == "by") {
    if (value != "windows" && value != "utterances")
      throw DataError(fmt::format("by: expected windows or utterances, found '{}'", value.substr(0, 40)));
    options.by = value == "windows" ? TimelineBy::windows : TimelineBy::utterances;
  } else if (name == "window") {
    options.window = number_of(name, value, kShortestWindow, kLongestWindow);
  } else if (name == "step") {
    options.step = number_of(name, value, kShortestStep, kLongestWindow);
  } else {
    return false;
  }
  return true;
}

/// What is to be scored, in seconds of the video.
struct Span {
  double begin = 0, end = 0;
  std::optional<std::string> text{};
};

/// Which parts lie in a piece, and where the next piece begins.
class Walk {
 public:
  Walk(const TimelineOptions& options, double piece) : options_(options) {
    if (options_.by == TimelineBy::subtitles && options_.subtitles.front().begin > piece / 2)
      from_ = options_.subtitles.front().begin;
  }
  [[nodiscard]] double from() const noexcept { return from_; }

  /// Those that begin in a piece that ends at `reached`.
  [[nodiscard]] std::vector<Span> spans(const ExtractedClip& piece, double reached, bool is_last) const {
    switch (options_.by) {
      case TimelineBy::windows:
        return windows(reached, is_last);
      case TimelineBy::utterances:
        return utterances(piece);
      case TimelineBy::subtitles:
        return subtitles(is_last ? std::numeric_limits<double>::infinity() : reached);
    }
    return {};
  }

  /// Where a part would be whole in the next piece alone. One that a piece begins with is taken as it is.
  [[nodiscard]] bool is_cut(const Span& span, double reached) const {
    const double margin = options_.by == TimelineBy::utterances ? kWord
                          : options_.by == TimelineBy::windows  ? -kFrame
                                                                : 0;
    const double lead = options_.by == TimelineBy::utterances ? 2 * kLead : kTiny;
    return span.end + margin > reached && span.begin > from_ + lead;
  }
  void done(const Span& span) {
    ++count_;
    done_until_ = span.end;
  }
  /// The next piece begins with `cut`, or where nothing is cut with what comes after `reached`. False: there is
  /// nothing.
  [[nodiscard]] bool go_on(const std::optional<Span>& cut, double reached) {
    if (options_.by == TimelineBy::subtitles) {
      if (count_ >= options_.subtitles.size()) return false;
      from_ = options_.subtitles[count_].begin;
    } else if (options_.by == TimelineBy::windows) {
      from_ = double(count_) * options_.step;
    } else {
      from_ = cut ? std::max(from_ + kLead, cut->begin - kLead) : reached - kWord;
    }
    return true;
  }

 private:
  [[nodiscard]] std::vector<Span> windows(double reached, bool is_last) const {
    std::vector<Span> spans;
    double covered = done_until_;
    for (auto i = count_; !is_last || covered < reached - kTiny; ++i) {
      const double begin = double(i) * options_.step;
      if (begin > reached - (i > 0 ? kRest : kTiny)) break;
      covered = begin + options_.window;
      spans.push_back({begin, is_last ? std::min(covered, reached) : covered});
    }
    return spans;
  }
  [[nodiscard]] std::vector<Span> utterances(const ExtractedClip& piece) const {
    auto words = piece.words;
    std::erase_if(words, [this](const HeardWord& word) {  // heard again
      return from_ + (word.begin + word.end) / 2 < done_until_;
    });
    std::vector<Span> spans;
    for (const auto& [begin, end] : utterances_of(words)) spans.push_back({from_ + begin, from_ + end});
    return spans;
  }
  [[nodiscard]] std::vector<Span> subtitles(double reached) const {
    std::vector<Span> spans;
    for (auto i = count_; i < options_.subtitles.size() && options_.subtitles[i].begin < reached; ++i)
      spans.push_back({options_.subtitles[i].begin, options_.subtitles[i].end, options_.subtitles[i].text});
    return spans;
  }

  const TimelineOptions& options_;
  double from_ = 0, done_until_ = 0;
  std::size_t count_ = 0;  ///< parts that are done
};

TimelinePart part_in(const ExtractedClip& piece, double from, Span span) {
  TimelinePart part{span.begin, span.end, part_of(piece, span.begin - from, span.end - from)};
  if (!span.text) return part;
  part.clip.transcript = std::move(*span.text);
  part.clip.facts.missing.text.clear();
  return part;
}

}  // namespace

TimelineRequest parse_timeline(std::vector<FormPart> parts, const std::multimap<std::string, std::string>& query,
                               const ClipLimits& limits) {
  TimelineRequest request;
  auto& options = request.options;
  for (const auto& [name, value] : query)
    if (!set_option(name, value, options))
      throw DataError(fmt::format("query: unknown parameter '{}'", name.substr(0, 40)),
                      suggestion(name, {"by", "window", "step"}));
  auto video = take_video(parts);
  if (!video) throw DataError("video: expected a video or sound file, found none", "curl -F video=@talk.mp4");
  request.video = std::move(*video);
  std::vector<FormPart> rest;
  for (auto& part : parts) {
    if (part.name == "subtitles")
      options.subtitles = parse_subtitles(part.content, "subtitles");
    else if (!part.content.empty() && !set_option(part.name, part.content, options))
      rest.push_back(std::move(part));
  }
  if (!options.subtitles.empty()) options.by = TimelineBy::subtitles;
  request.clip = std::move(parse_form(std::move(rest), limits).clips.front());
  if (request.clip.text)
    throw DataError("text: a text has no times", "send them as subtitles, or leave the text out: words are recognised");
  return request;
}

void for_each_part(const TimelineOptions& options, double piece, const ExtractPiece& extract,
                   const std::function<void(const TimelinePart&)>& use) {
  Walk walk(options, piece);
  for (;;) {
    const double from = walk.from();
    const auto extracted = extract(from, from + piece);
    const ExtractedClip ended;
    const auto& clip = extracted ? *extracted : ended;
    const auto& facts = clip.facts;
    const double reached = from + facts.seconds;
    const bool is_last =
        facts.seconds < piece - 2 * kFrame || facts.declared_seconds.value_or(reached + piece) <= from + piece + kFrame;
    std::optional<Span> cut;
    for (auto& span : walk.spans(clip, reached, is_last)) {
      if (!is_last && walk.is_cut(span, reached)) {
        cut = span;
        break;
      }
      walk.done(span);
      use(part_in(clip, from, std::move(span)));
    }
    if (is_last || !walk.go_on(cut, reached)) return;
  }
}

}  // namespace kuda
