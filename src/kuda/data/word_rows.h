#pragma once
// Word alignment: from frames at a constant rate to one row for each word piece of the text, the mean of the frames
// while the word was said. Pieces of one word share its row, [CLS] and [SEP] have none (zeros), as in the aligned files
// of MMSA.
//
//   const PieceTimes pieces = times_of_pieces(clip.text, words, tokenizer, 512);
//   const auto rows = rows_of_pieces(frames, 100, pieces);            // [pieces, D], as many as pieces.ids

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kuda/io/array.h"
#include "kuda/text/wordpiece.h"

namespace kuda {

/// A word as it was heard, and when: seconds.
struct TimedWord {
  std::string text;
  double begin = 0, end = 0;
};

struct PieceTimes {
  struct Span {
    double begin = 0, end = 0;
  };
  std::vector<std::int64_t> ids;           ///< [CLS], the pieces of the text, [SEP]
  std::vector<std::optional<Span>> spans;  ///< of each; none where no time is known
  [[nodiscard]] bool has_times() const;
};

/// The pieces of a text, at most `most` of them (cut as WordPiece::encode cuts), and the times of their words. Where
/// the text is not what was heard, its pieces are matched with the heard ones by the fewest changes; pieces between
/// matched ones share the time between these evenly.
[[nodiscard]] PieceTimes times_of_pieces(const std::string& text, const std::vector<TimedWord>& heard,
                                         const WordPiece& tokenizer, std::int64_t most);

/// frames [F, D] float32, frame i at i / rate seconds -> [pieces, D], row by row. A piece gets the mean of the frames
/// in [begin, end) of its word; where there is none, the frame nearest to the middle, if it is less than a frame away,
/// else zeros.
[[nodiscard]] std::vector<float> rows_of_pieces(const io::Array& frames, double rate, const PieceTimes& pieces);

}  // namespace kuda
