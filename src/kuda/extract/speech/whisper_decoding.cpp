#include "kuda/extract/speech/whisper_decoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kuda/base/error.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr auto kNever = -std::numeric_limits<float>::infinity();

/// Added to logits [V]: no orders but the end, nothing without text, none of the suppressed.
Tensor allowed(const WhisperTokens& tokens, bool is_first) {
  auto mask = torch::zeros({std::int64_t(tokens.pieces.size())});
  auto* values = mask.mutable_data_ptr<float>();
  for (std::size_t id = 0; id < tokens.pieces.size(); ++id)
    if (tokens.pieces[id].empty()) values[id] = kNever;
  values[tokens.end] = 0;
  for (const auto id : tokens.suppressed) values[id] = kNever;
  if (is_first)
    for (const auto id : tokens.suppressed_first) values[id] = kNever;
  return mask;
}

/// Of the heads that follow the sound: [heads, L].
Tensor alignment_row(const WhisperTokens& tokens, const std::vector<Tensor>& attention) {
  std::vector<Tensor> rows;
  for (const auto& [layer, head] : tokens.alignment_heads) rows.push_back(attention[layer].select(0, head));
  return torch::stack(rows);
}

}  // namespace

std::optional<std::size_t> first_copy(const std::vector<std::int64_t>& ids) {
  constexpr std::size_t kLongest = 60, kFewestCopies = 3, kFewestPieces = 16;
  for (std::size_t n = 1; n <= std::min(kLongest, ids.size() / kFewestCopies); ++n) {
    std::size_t same = 0;  // from the end, pieces that equal the one n before
    while (same + n < ids.size() && ids[ids.size() - 1 - same] == ids[ids.size() - 1 - same - n]) ++same;
    const auto copies = same / n + 1;
    if (copies >= kFewestCopies && copies * n >= kFewestPieces) return ids.size() - (copies - 1) * n;
  }
  return std::nullopt;
}

void DecodedWindow::cut(std::size_t kept) {
  repeated = true;
  ids.resize(kept);
  log_probabilities.resize(kept);
  attention = attention.slice(1, 0, std::int64_t(kept) + 1);
}

DecodedWindow decode(WhisperImpl& whisper, const WhisperTokens& tokens, HeardWindow heard, const std::string& language,
                     std::int64_t most, const std::string& where) {
  DecodedWindow decoded;
  const auto first_mask = allowed(tokens, true), mask = allowed(tokens, false);
  std::vector<Tensor> attention, rows;
  std::optional<std::size_t> kept;
  auto ids = tokens.prompt(language);
  most = std::min(most, whisper.config().max_target_positions - std::int64_t(ids.size()));
  while (true) {
    auto logits = whisper.next(ids, heard, &attention);
    rows.push_back(alignment_row(tokens, attention));
    logits = logits + (decoded.ids.empty() ? first_mask : mask);
    const auto next = logits.argmax().item<std::int64_t>();
    const auto log_probability = (logits[next] - logits.logsumexp(0)).item<float>();
    if (!std::isfinite(log_probability))
      throw CheckpointError(where + ": its weights give no numbers (NaN or infinite)", "the files may be damaged");
    if (next == tokens.end) {
      decoded.end_log_probability = log_probability;
      break;
    }
    kept = first_copy(decoded.ids);
    if (!kept && std::int64_t(decoded.ids.size()) >= most) kept = decoded.ids.size();
    if (kept) break;
    decoded.ids.push_back(next);
    decoded.log_probabilities.push_back(log_probability);
    ids = {next};
  }
  decoded.attention = torch::stack(rows, 1);
  if (kept) decoded.cut(*kept);
  return decoded;
}

std::string hear_language(WhisperImpl& whisper, const WhisperTokens& tokens, HeardWindow heard) {
  const auto logits = whisper.next({tokens.start}, heard);
  const auto score = [&](const auto& language) { return logits[language.second].template item<float>(); };
  return std::max_element(tokens.languages.begin(), tokens.languages.end(),
                          [&](const auto& a, const auto& b) { return score(a) < score(b); })
      ->first;
}

}  // namespace kuda
