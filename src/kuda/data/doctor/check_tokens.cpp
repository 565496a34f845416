#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "kuda/data/doctor/check_parts.h"

namespace kuda {
namespace {

using Ids = std::vector<std::string>;

/// The value that comes most often, and how often.
std::pair<std::int64_t, std::size_t> most_common(const std::vector<std::int64_t>& values) {
  std::map<std::int64_t, std::size_t> counts;
  for (const auto value : values) ++counts[value];
  std::pair<std::int64_t, std::size_t> most{0, 0};
  for (const auto& [value, count] : counts)
    if (count > most.second) most = {value, count};
  return most;
}

/// Clips whose word pieces were cut before the closing one, [SEP] or </s>. It is known as the last piece of most clips
/// that leave room; where all are full, as that of a fifth of them, which no word is.
void check_ends(const Dataset& data, Findings& findings) {
  const auto places = data.text_bert.size(2);
  const auto lengths = data.text_bert.select(1, 1).sum(1).to(torch::kInt64).contiguous();                 // [N]
  const auto at = (lengths - 1).clamp(0, places - 1).unsqueeze(1);                                        // [N, 1]
  const auto last = data.text_bert.select(1, 0).to(torch::kInt64).gather(1, at).squeeze(1).contiguous();  // [N]
  const std::span<const std::int64_t> counts(lengths.const_data_ptr<std::int64_t>(), data.clips.size());
  const std::span<const std::int64_t> ends(last.const_data_ptr<std::int64_t>(), data.clips.size());
  std::vector<std::int64_t> with_room, full;
  for (std::size_t row = 0; row < counts.size(); ++row)
    if (counts[row] > 0 && counts[row] <= places) (counts[row] < places ? with_room : full).push_back(ends[row]);
  const auto [closing, often] = most_common(with_room.empty() ? full : with_room);
  const auto among_full = std::size_t(std::ranges::count(full, closing));
  const bool is_closing = with_room.empty()
                              ? often > 1 && 5 * often >= full.size()
                              : 2 * often > with_room.size() && (often > 1 || 5 * among_full >= full.size());
  if (!is_closing) return;
  Ids cut;
  for (std::size_t row = 0; row < counts.size(); ++row)
    if (counts[row] > 0 && counts[row] <= places && ends[row] != closing) cut.push_back(data.clips[row].id());
  if (cut.empty()) return;
  const bool has_texts = std::ranges::none_of(data.clips, [](const Clip& clip) { return clip.text.empty(); });
  findings.add(
      Severity::warning, "cut_tokens", "text",
      fmt::format("{} of {} clips end without the word piece {} that closes the others: their texts were cut; {}",
                  cut.size(), data.clips.size(), closing,
                  has_texts
                      ? fmt::format("word pieces made of the texts anew (data.text_source = \"raw\", which is used "
                                    "where every clip has a text) keep more with data.text_length above {}",
                                    places)
                      : "what was cut is not in this file"),
      cut);
}

}  // namespace

void check_stored_tokens(const Dataset& data, Findings& findings) {
  if (!data.text_bert.defined() || data.clips.empty()) return;
  const auto masked_in = data.text_bert.select(1, 1).sum(1), ids = data.text_bert.select(1, 0).sum(1);  // [N] int64
  Ids empty;
  std::int64_t zero = 0;
  for (std::size_t row = 0; row < data.clips.size(); ++row) {
    if (masked_in[std::int64_t(row)].item<std::int64_t>() != 0) continue;
    empty.push_back(data.clips[row].id());
    zero += ids[std::int64_t(row)].item<std::int64_t>() == 0 ? 1 : 0;
  }
  if (!empty.empty())
    findings.add(
        Severity::warning, "empty_tokens", "text",
        fmt::format("{} of {} clips have an attention mask of zeros in text_bert, {} of them token ids of zeros "
                    "too: where stored ids are used, they are clips of one padding piece",
                    empty.size(), data.clips.size(), zero),
        empty);
  check_ends(data, findings);
}

std::vector<std::string> clips_with_ids_from(const Dataset& data, std::int64_t size) {
  const auto largest = data.text_bert.select(1, 0).amax(1);
  Ids ids;
  for (std::size_t row = 0; row < data.clips.size(); ++row)
    if (largest[std::int64_t(row)].item<std::int64_t>() >= size) ids.push_back(data.clips[row].id());
  return ids;
}

}  // namespace kuda
