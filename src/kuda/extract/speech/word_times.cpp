#include "kuda/extract/speech/word_times.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "kuda/base/utf8.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kMedianWidth = 7;
constexpr double kSecondsPerFrame = 0.02;

/// Along the last axis; the ends are mirrored.
Tensor median_filter(const Tensor& x) {
  constexpr auto kPad = kMedianWidth / 2;
  if (x.size(-1) <= kPad) return x;
  const auto padded = torch::reflection_pad1d(x, {kPad, kPad});
  return std::get<0>(padded.unfold(-1, kMedianWidth, 1).sort(-1)).select(-1, kPad);
}

bool is_punctuation(char32_t letter) {
  const auto category = utf8proc_category(utf8proc_int32_t(letter));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}
bool is_space(char32_t letter) { return utf8proc_category(utf8proc_int32_t(letter)) == UTF8PROC_CATEGORY_ZS; }
bool is_plain(char32_t letter) {
  return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/// Pieces whose bytes are whole letters together.
struct Unit {
  std::string text;
  double begin, end, probability;
};

std::vector<Unit> units_of(const std::vector<std::string>& pieces, const std::vector<float>& log_probabilities,
                           const std::vector<double>& times) {
  constexpr std::size_t kMostBytes = 64;  // of letters that never come to an end
  std::vector<Unit> units;
  std::string bytes;
  std::size_t first = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    bytes += pieces[i];
    if (!is_utf8(bytes) && bytes.size() < kMostBytes && i + 1 < pieces.size()) continue;
    double probability = 0;
    for (auto k = first; k <= i; ++k) probability += std::exp(double(log_probabilities[k]));
    units.push_back({encode_utf8(decode_utf8(bytes)), times[first], times[i + 1], probability / double(i + 1 - first)});
    bytes.clear();
    first = i + 1;
  }
  return units;
}

/// Words as they grow, each with the number of units in it.
class Words {
 public:
  void begin(const std::string& text, double from, double to, double probability) {
    words_.push_back({text, from, to, probability});
    counts_.push_back(1);
  }
  void extend(const std::string& text, double to, double probability) {
    auto& word = words_.back();
    word.text += text;
    word.end = to;
    word.probability += (probability - word.probability) / double(++counts_.back());
  }
  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] const std::string& last() const { return words_.back().text; }
  std::vector<SpokenWord> take() {
    for (auto& word : words_) word.text = trimmed(word.text);
    std::erase_if(words_, [](const SpokenWord& word) { return word.text.empty(); });
    return std::move(words_);
  }

 private:
  std::vector<SpokenWord> words_;
  std::vector<int> counts_;
};

void add_letters(Words& words, const Unit& unit) {
  const auto letters = decode_utf8(unit.text);
  const auto time = [&](std::size_t i) {
    return unit.begin + (unit.end - unit.begin) * double(i) / double(letters.size());
  };
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto text = encode_utf8({&letters[i], 1});
    const bool goes_on =
        !words.empty() && is_plain(letters[i]) && is_plain(char32_t(static_cast<unsigned char>(words.last().back())));
    if (!words.empty() && (goes_on || is_punctuation(letters[i]) || is_space(letters[i])))
      words.extend(text, time(i + 1), unit.probability);
    else
      words.begin(text, time(i), time(i + 1), unit.probability);
  }
}

}  // namespace

std::string trimmed(const std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::pair<std::int64_t, std::int64_t>> cheapest_path(const Tensor& cost) {
  const auto rows = cost.size(0), columns = cost.size(1);
  const auto plain = cost.contiguous();
  const auto* x = plain.const_data_ptr<float>();
  enum Step : std::uint8_t { both, down, right };
  std::vector<Step> steps(std::size_t(rows * columns));
  std::vector<float> above(std::size_t(columns) + 1, INFINITY), row(above.size());
  above[0] = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    row[0] = INFINITY;
    for (std::int64_t j = 0; j < columns; ++j) {
      const auto c = std::size_t(j);
      const float diagonal = above[c], up = above[c + 1], left = row[c];
      Step step = right;
      if (diagonal < up && diagonal < left)
        step = both;
      else if (up < diagonal && up < left)
        step = down;
      row[c + 1] = x[i * columns + j] + std::min({diagonal, up, left});
      steps[std::size_t(i * columns + j)] = step;
    }
    std::swap(above, row);
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> path;
  for (auto i = rows - 1, j = columns - 1; i >= 0 && j >= 0;) {
    path.emplace_back(i, j);
    const auto step = i == 0 ? right : j == 0 ? down : steps[std::size_t(i * columns + j)];
    if (step != right) --i;
    if (step != down) --j;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<double> row_times(const Tensor& attention) {
  constexpr double kSmallest = 1e-12;
  const auto weights = attention / attention.sum(-1, /*keepdim=*/true).clamp_min(kSmallest);
  const auto mean = weights.mean(1, /*keepdim=*/true);
  const auto deviation = (weights - mean).square().mean(1, /*keepdim=*/true).sqrt();
  const auto scaled = median_filter((weights - mean) / deviation.clamp_min(kSmallest));
  std::vector<double> times(std::size_t(attention.size(1)), -1);
  for (const auto& [row, column] : cheapest_path(-scaled.mean(0)))
    if (auto& time = times[std::size_t(row)]; time < 0) time = double(column) * kSecondsPerFrame;
  return times;
}

std::vector<SpokenWord> words_of(const std::vector<std::string>& pieces, const std::vector<float>& log_probabilities,
                                 const std::vector<double>& times, bool has_spaces) {
  Words words;
  for (const auto& unit : units_of(pieces, log_probabilities, times)) {
    if (!has_spaces)
      add_letters(words, unit);
    else if (words.empty() || unit.text.starts_with(' '))
      words.begin(unit.text, unit.begin, unit.end, unit.probability);
    else
      words.extend(unit.text, unit.end, unit.probability);
  }
  return words.take();
}

}  // namespace kuda
