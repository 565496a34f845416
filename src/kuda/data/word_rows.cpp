#include "kuda/data/word_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kuda {
namespace {

using Span = PieceTimes::Span;
using Spans = std::vector<std::optional<Span>>;

constexpr double kSameTime = 1e-6;  // seconds: times are stored as float32

struct HeardPiece {
  std::string text;
  Span span;
};

std::vector<std::string> pieces_of(const std::string& text, const WordPiece& tokenizer) {
  auto pieces = tokenizer.tokens(text);
  pieces.pop_back();
  pieces.erase(pieces.begin());
  return pieces;
}

std::vector<HeardPiece> heard_pieces(const std::vector<TimedWord>& words, const WordPiece& tokenizer) {
  std::vector<HeardPiece> pieces;
  for (const auto& word : words)
    for (auto& piece : pieces_of(word.text, tokenizer)) pieces.push_back({std::move(piece), {word.begin, word.end}});
  return pieces;
}

/// For each given piece the heard one that stands for it on the way of fewest changes (Levenshtein 1966).
std::vector<std::optional<std::size_t>> matched(const std::vector<std::string>& given,
                                                const std::vector<HeardPiece>& heard) {
  const auto rows = given.size(), columns = heard.size();
  enum class Step : std::uint8_t { both, given, heard };
  std::vector<Step> steps((rows + 1) * (columns + 1), Step::heard);  // the last one on the way to each place
  std::vector<std::size_t> above(columns + 1), here(columns + 1);    // changes on the way
  for (std::size_t j = 0; j <= columns; ++j) above[j] = j;
  for (std::size_t i = 1; i <= rows; ++i) {
    here[0] = i;
    steps[i * (columns + 1)] = Step::given;
    for (std::size_t j = 1; j <= columns; ++j) {
      const auto both = above[j - 1] + (given[i - 1] == heard[j - 1].text ? 0 : 1);
      here[j] = std::min({both, above[j] + 1, here[j - 1] + 1});
      steps[i * (columns + 1) + j] = here[j] == both ? Step::both : here[j] == above[j] + 1 ? Step::given : Step::heard;
    }
    std::swap(above, here);
  }
  std::vector<std::optional<std::size_t>> matches(rows);
  for (std::size_t i = rows, j = columns; i > 0;) {
    const auto step = steps[i * (columns + 1) + j];
    if (step == Step::both) matches[i - 1] = j - 1;
    if (step != Step::heard) --i;
    if (step != Step::given) --j;
  }
  return matches;
}

/// Pieces without a time share that between their neighbours, in which nobody was understood as they are written.
void fill_gaps(Spans& spans, double first, double last) {
  for (std::size_t i = 0; i < spans.size();) {
    if (spans[i]) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < spans.size() && !spans[end]) ++end;
    const double from = i == 0 ? first : spans[i - 1]->end;
    const double to = std::max(from, end == spans.size() ? last : spans[end]->begin);
    const double each = (to - from) / double(end - i);
    for (std::size_t k = 0; i < end; ++i, ++k) spans[i] = Span{from + each * double(k), from + each * double(k + 1)};
  }
}

/// "play", "##ing": the time of a word is that of all its pieces.
void share_words(const std::vector<std::string>& pieces, Spans& spans) {
  for (std::size_t i = 0; i < pieces.size();) {
    std::size_t end = i + 1;
    while (end < pieces.size() && pieces[end].starts_with("##")) ++end;
    Span all = *spans[i];
    for (std::size_t k = i; k < end; ++k)
      all = {std::min(all.begin, spans[k]->begin), std::max(all.end, spans[k]->end)};
    for (; i < end; ++i) spans[i] = all;
  }
}

}  // namespace

bool PieceTimes::has_times() const {
  return std::any_of(spans.begin(), spans.end(), [](const auto& span) { return span.has_value(); });
}

PieceTimes times_of_pieces(const std::string& text, const std::vector<TimedWord>& words, const WordPiece& tokenizer,
                           std::int64_t most) {
  PieceTimes result;
  auto encoded = tokenizer.encode(text, most);
  result.ids.assign(encoded.ids.begin(), encoded.ids.begin() + encoded.length);
  result.spans.resize(result.ids.size());
  auto pieces = pieces_of(text, tokenizer);
  const auto heard = heard_pieces(words, tokenizer);
  if (pieces.empty() || heard.empty()) return result;
  pieces.resize(std::min(pieces.size(), result.ids.size() - 2));
  Spans spans(pieces.size());
  const bool is_heard = heard.size() >= pieces.size() && std::equal(pieces.begin(), pieces.end(), heard.begin(),
                                                                    [](auto& a, auto& b) { return a == b.text; });
  if (is_heard) {
    for (std::size_t i = 0; i < spans.size(); ++i) spans[i] = heard[i].span;
  } else {
    const auto matches = matched(pieces, heard);
    for (std::size_t i = 0; i < spans.size(); ++i)
      if (matches[i]) spans[i] = heard[*matches[i]].span;
    fill_gaps(spans, heard.front().span.begin, heard.back().span.end);
  }
  share_words(pieces, spans);
  std::copy(spans.begin(), spans.end(), result.spans.begin() + 1);
  return result;
}

std::vector<float> rows_of_pieces(const io::Array& frames, double rate, const PieceTimes& pieces) {
  const auto count = frames.shape[0], width = frames.shape[1];
  const auto flat = io::make_contiguous(frames);
  const auto columns = std::size_t(width);
  std::vector<float> rows(pieces.ids.size() * columns, 0.0F), frame(columns);
  std::vector<double> sum(columns);
  const auto place = [&](double seconds) {  // of the first frame at or behind it
    return std::clamp(std::int64_t(std::ceil((seconds - kSameTime) * rate)), std::int64_t{0}, count);
  };
  for (std::size_t i = 0; i < pieces.spans.size(); ++i) {
    if (!pieces.spans[i]) continue;
    auto first = place(pieces.spans[i]->begin), last = place(pieces.spans[i]->end);
    if (first >= last) {
      const auto nearest = std::llround((pieces.spans[i]->begin + pieces.spans[i]->end) / 2 * rate);
      if (nearest > count || count == 0) continue;
      first = std::clamp<std::int64_t>(nearest, 0, count - 1);
      last = first + 1;
    }
    std::fill(sum.begin(), sum.end(), 0);
    for (auto row = first; row < last; ++row) {
      std::memcpy(frame.data(), flat.data + row * width * std::int64_t(sizeof(float)), frame.size() * sizeof(float));
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += frame[k];
    }
    for (std::size_t k = 0; k < columns; ++k) rows[i * columns + k] = float(sum[k] / double(last - first));
  }
  return rows;
}

}  // namespace kuda
