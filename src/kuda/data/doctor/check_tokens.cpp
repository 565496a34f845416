#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "kuda/data/doctor/check_parts.h"

namespace kuda {
namespace {

using Ids = std::vector<std::string>;

/// Clips whose word pieces were cut before the closing one. Those that leave room all end with the same piece, [SEP] or
/// </s>; a clip that fills every place and ends with another one was cut.
void check_ends(const Dataset& data, Findings& findings) {
  const auto places = data.text_bert.size(2);
  const auto lengths = data.text_bert.select(1, 1).sum(1).to(torch::kInt64).contiguous();  // [N]
  const auto ids = data.text_bert.select(1, 0);                                            // [N, L]
  const auto last_of = [&](std::int64_t row) {
    return ids[row][lengths[row].item<std::int64_t>() - 1].item<std::int64_t>();
  };
  std::optional<std::int64_t> closing;
  std::vector<std::int64_t> full;
  for (std::int64_t row = 0; row < ids.size(0); ++row) {
    const auto length = lengths[row].item<std::int64_t>();
    if (length < 1 || length > places) continue;
    if (length == places) {
      full.push_back(row);
      continue;
    }
    const auto last = last_of(row);
    if (closing && *closing != last) return;  // these pieces have no such end
    closing = last;
  }
  if (!closing) return;
  Ids cut;
  for (const auto row : full)
    if (last_of(row) != *closing) cut.push_back(data.clips[std::size_t(row)].id());
  if (!cut.empty())
    findings.add(
        Severity::warning, "cut_tokens", "text",
        fmt::format("{} of {} clips fill all {} places of text_bert without the piece {} that ends the others: "
                    "their texts were cut; data.text_source = \"raw\" makes word pieces of the texts anew",
                    cut.size(), data.clips.size(), places, *closing),
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
