#include "kuda/extract/clip_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "kuda/extract/speech/written_language.h"

namespace kuda {
namespace {

constexpr double kPause = 0.7;  // seconds: speakers breathe in shorter ones

bool ends_sentence(std::string_view word) {
  constexpr std::array<std::string_view, 8> kEnds{".", "?", "!", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return word.ends_with(end); });
}

/// Rows whose time lies from `begin` to `end`; none where there are none.
std::optional<io::Array> rows_of(const std::optional<io::Array>& rows, double rate, double begin, double end) {
  if (!rows) return std::nullopt;
  const auto place = [&](double time) {
    return std::clamp<std::int64_t>(std::llround(time * rate), 0, rows->shape[0]);
  };
  const auto first = place(begin), last = place(end), width = rows->shape[1];
  if (first >= last) return std::nullopt;
  auto part = *rows;  // keeps the owner
  part.shape[0] = last - first;
  part.data += first * part.strides[0] * std::int64_t(sizeof(float));
  std::vector<float> values(std::size_t((last - first) * width));
  io::copy_elements(part, reinterpret_cast<std::byte*>(values.data()));
  return io::make_array({last - first, width}, values);
}

void add_words(const ExtractedClip& clip, double begin, double end, ExtractedClip& part) {
  const std::string_view between = has_spaces(clip.language) ? " " : "";
  for (const auto& word : clip.words) {
    const double middle = (word.begin + word.end) / 2;
    if (middle < begin || middle >= end) continue;
    if (!part.transcript.empty()) part.transcript += between;
    part.transcript += word.text;
    part.words.push_back({word.text, word.begin - begin, word.end - begin, word.probability});
  }
  if (part.words.size() == clip.words.size()) part.transcript = clip.transcript;
}

}  // namespace

ExtractedClip part_of(const ExtractedClip& clip, double begin, double end) {
  ExtractedClip part;
  part.language = clip.language;
  part.vision_rate = clip.vision_rate;
  part.audio_rate = clip.audio_rate;
  auto& facts = part.facts;
  const auto& whole = clip.facts;
  facts.seconds = std::max(0.0, std::min(end, whole.seconds) - begin);
  add_words(clip, begin, end, part);
  part.audio = rows_of(clip.audio, clip.audio_rate, begin, end);
  part.vision = rows_of(clip.vision, clip.vision_rate, begin, end);
  for (const auto& box : clip.face_boxes)
    if (box.time >= begin && box.time < end)
      part.face_boxes.push_back({box.time - begin, box.left, box.top, box.width, box.height});
  facts.pictures = part.vision ? part.vision->shape[0] : 0;
  facts.pictures_with_face = std::ssize(part.face_boxes);
  if (part.transcript.empty())
    facts.missing.text = whole.missing.text.empty() ? "no word lies in this part" : whole.missing.text;
  if (!part.audio) facts.missing.audio = whole.missing.audio.empty() ? "there is no sound" : whole.missing.audio;
  if (!part.vision) {
    facts.missing.vision = whole.missing.vision.empty() ? "there is no picture" : whole.missing.vision;
  } else if (part.face_boxes.empty()) {
    facts.missing.vision = fmt::format("no face was found in {} pictures", facts.pictures);
    part.vision.reset();
  }
  return part;
}

std::vector<Utterance> utterances_of(const std::vector<HeardWord>& words) {
  std::vector<Utterance> utterances;
  bool is_open = false;
  for (const auto& word : words) {
    if (is_open && word.begin - utterances.back().end < kPause)
      utterances.back().end = std::max(utterances.back().end, word.end);
    else
      utterances.push_back({word.begin, word.end});
    is_open = !ends_sentence(word.text);
  }
  return utterances;
}

}  // namespace kuda
