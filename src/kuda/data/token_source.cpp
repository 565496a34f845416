#include "kuda/data/token_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/error.h"

namespace kuda {
namespace {

constexpr std::int64_t kLongestByDefault = 50;  // as the published files of CMU-MOSI, CMU-MOSEI and CH-SIMSv2
constexpr std::int64_t kCompared = 200;         // clips: a wrong vocabulary shows in the first few

std::int64_t clips_without_text(const Dataset& dataset) {
  return std::count_if(dataset.clips.begin(), dataset.clips.end(), [](const Clip& clip) { return clip.text.empty(); });
}
bool every_clip_has_text(const Dataset& dataset) { return clips_without_text(dataset) == 0; }

/// Row `which` (0 ids, 1 mask, 2 segments) of text_bert for one clip.
const std::int32_t* stored_row(const Dataset& dataset, std::int64_t row, std::int64_t which) {
  return dataset.text_bert.const_data_ptr<std::int32_t>() + (row * 3 + which) * dataset.text_bert.size(2);
}

bool same_ids(const Dataset& dataset, std::int64_t row, const WordPiece& tokenizer) {
  const auto length = dataset.text_bert.size(2);
  if (length < 2) return false;
  const auto made = tokenizer.encode(dataset.clips[std::size_t(row)].text, length);
  return std::equal(made.ids.begin(), made.ids.end(), stored_row(dataset, row, 0));
}

}  // namespace

TokenAgreement token_agreement(const Dataset& dataset, const WordPiece& tokenizer, std::int64_t most) {
  TokenAgreement agreement;
  if (!dataset.text_bert.defined() || dataset.clips.empty()) return agreement;
  agreement.largest_id = dataset.text_bert.select(1, 0).max().item<std::int64_t>();
  const auto rows = std::int64_t(dataset.clips.size());
  const auto step = most > 0 ? std::max<std::int64_t>(1, rows / most) : 1;
  for (std::int64_t row = 0; row < rows; row += step) {
    const Clip& clip = dataset.clips[std::size_t(row)];
    if (clip.text.empty()) continue;
    ++agreement.checked;
    if (same_ids(dataset, row, tokenizer))
      ++agreement.equal;
    else if (agreement.example.empty())
      agreement.example = clip.id();
  }
  return agreement;
}

TokenSource::TokenSource(const Dataset& dataset, const WordPiece& tokenizer, const DataConfig& config)
    : dataset_(dataset), tokenizer_(tokenizer), pad_id_(tokenizer.encode("", 3).ids.back()) {
  const bool has_ids = dataset.text_bert.defined();
  const auto wordless = clips_without_text(dataset);
  if (config.text_source == TextSource::tokens && !has_ids)
    throw DataError(dataset.source + ": data.text_source = \"tokens\", but the data set holds no token ids (text_bert)",
                    "data.text_source = \"raw\" tokenises the raw text");
  // Texts are the truth where they are all there; ids are bound to one vocabulary, which the file does not name.
  uses_stored_ = config.text_source == TextSource::tokens ||
                 (config.text_source == TextSource::automatic && has_ids && wordless > 0);
  if (!uses_stored_ && wordless > 0) {
    if (wordless == std::int64_t(dataset.clips.size()))
      throw DataError(dataset.source + (has_ids ? ": data.text_source = \"raw\", but no clip has raw text"
                                                : ": the clips have neither raw text nor stored token ids"),
                      "leave text out with --modalities " + (dataset.vision && dataset.audio ? std::string("V,A")
                                                             : dataset.vision                ? "V"
                                                                                             : "A"));
    notes_.push_back(fmt::format("{} of {} clips have no text: they are clips without words ({} {})", wordless,
                                 dataset.clips.size(), tokenizer.rules().cls_token, tokenizer.rules().sep_token));
  }
  if (has_ids) {
    const auto agreement = token_agreement(dataset, tokenizer, kCompared);
    if (uses_stored_) require_vocabulary(agreement);
    if (agreement.equal < agreement.checked)
      notes_.push_back(
          fmt::format("{} of {} clips compared have other stored token ids than their raw text gives with {} "
                      "(first: {}); {} are used",
                      agreement.checked - agreement.equal, agreement.checked, tokenizer.path().string(),
                      agreement.example, uses_stored_ ? "the stored ids" : "the texts"));
  }
  length_ = config.text_length > 0 ? config.text_length
            : has_ids              ? dataset.text_bert.size(2)
                                   : longest_text(kLongestByDefault);
  if (length_ < 2)
    throw ConfigError(fmt::format("data.text_length: expected at least 2 ([CLS] and [SEP]), found {}", length_));
}

void TokenSource::require_vocabulary(const TokenAgreement& agreement) const {
  const std::string hint =
      every_clip_has_text(dataset_)
          ? "data.text_source = \"raw\" tokenises the raw text, or use an encoder of that vocabulary"
          : "use an encoder of the vocabulary that the ids were made with";
  if (agreement.largest_id >= tokenizer_.size()) {
    for (std::int64_t row = 0; row < std::int64_t(dataset_.clips.size()); ++row) {
      const auto* ids = stored_row(dataset_, row, 0);
      const auto* largest = std::max_element(ids, ids + dataset_.text_bert.size(2));
      if (*largest >= tokenizer_.size())
        throw DataError(
            fmt::format("{}: text_bert: clip {}: token id {} does not fit the {} pieces of {}", dataset_.source,
                        dataset_.clips[std::size_t(row)].id(), *largest, tokenizer_.size(), tokenizer_.path().string()),
            hint);
    }
  }
  if (2 * agreement.equal < agreement.checked)
    throw DataError(
        fmt::format("{}: text_bert: the stored ids (up to {}) belong to another vocabulary than the {} pieces "
                    "of {}: only {} of {} clips compared have the ids that their raw text gives (first other: {})",
                    dataset_.source, agreement.largest_id, tokenizer_.size(), tokenizer_.path().string(),
                    agreement.equal, agreement.checked, agreement.example),
        hint);
}

std::int64_t TokenSource::longest_text(std::int64_t at_most) const {
  std::int64_t longest = 2;
  for (const Clip& clip : dataset_.clips) {
    if (longest >= at_most) return at_most;
    longest = std::max(longest, tokenizer_.encode(clip.text, at_most).length);
  }
  return longest;
}

TextPieces TokenSource::pieces(std::int64_t row) const {
  if (uses_stored_) return stored_pieces(row);
  auto encoded = tokenizer_.encode(dataset_.clips[std::size_t(row)].text, length_);
  encoded.ids.resize(std::size_t(encoded.length));
  return {std::move(encoded.ids), std::vector<std::int64_t>(std::size_t(encoded.length), 0)};
}

std::int64_t TokenSource::whole_length(std::int64_t row) const {
  if (!uses_stored_) return std::int64_t(tokenizer_.tokens(dataset_.clips[std::size_t(row)].text).size());
  const auto* mask = stored_row(dataset_, row, 1);
  return std::count_if(mask, mask + dataset_.text_bert.size(2), [](std::int32_t is_real) { return is_real != 0; });
}

TextPieces TokenSource::stored_pieces(std::int64_t row) const {
  const auto* ids = stored_row(dataset_, row, 0);
  const auto* mask = stored_row(dataset_, row, 1);
  const auto* segments = stored_row(dataset_, row, 2);
  TextPieces pieces;
  for (std::int64_t i = 0; i < dataset_.text_bert.size(2); ++i) {
    if (mask[i] == 0) continue;
    pieces.ids.push_back(ids[i]);
    pieces.segments.push_back(segments[i]);
  }
  const auto most = std::size_t(length_);
  if (pieces.ids.size() > most) {  // as the tokenizer truncates: the last piece stays
    pieces.ids[most - 1] = pieces.ids.back();
    pieces.ids.resize(most);
    pieces.segments.resize(most);
  }
  if (pieces.ids.empty()) {  // a text that is padding throughout would make attention NaN
    pieces.ids.push_back(ids[0]);
    pieces.segments.push_back(segments[0]);
  }
  return pieces;
}

}  // namespace kuda
