#include "kuda/data/doctor/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kuda/base/names.h"
#include "kuda/data/doctor/check_parts.h"
#include "kuda/data/sources/facts.h"
#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/sources/published.h"
#include "kuda/data/token_source.h"
#include "kuda/metrics/label_scale.h"

namespace kuda {
namespace {

std::string sizes_text(const std::array<std::int64_t, 3>& sizes) {
  return fmt::format("{} / {} / {}", sizes[0], sizes[1], sizes[2]);
}

void check_identity(const Dataset& data, Findings& findings) {
  if (const KnownFile* known = known_file(data.source_sha256)) {
    findings.add(Severity::note, "known_file", "", fmt::format("the source is known by its SHA-256: {}", known->title));
    if (!known->stand_in.empty())
      findings.add(Severity::warning, "stand_in", std::string(known->stand_in), std::string(known->extractor));
  } else if (!data.source_sha256.empty()) {
    findings.add(Severity::note, "unknown_file", "",
                 fmt::format("the source (SHA-256 {}) is none of the files known here", data.source_sha256));
  }
  const auto sizes = split_sizes(data);
  if (const PublishedSet* same = published_set(sizes))
    findings.add(Severity::note, "split_sizes", "",
                 fmt::format("train / valid / test = {}, the sizes of {}", sizes_text(sizes), same->title));
  else if (const PublishedSet* named = published_set(std::string_view(data.name)))
    findings.add(Severity::warning, "split_sizes", "",
                 fmt::format("train / valid / test = {}, but {} has {}", sizes_text(sizes), named->title,
                             sizes_text(named->clips)));
  else
    findings.add(Severity::note, "split_sizes", "",
                 fmt::format("train / valid / test = {}, those of no published set", sizes_text(sizes)));
  for (const Split split : kSplits)
    if (sizes[std::size_t(split)] == 0)
      findings.add(split == Split::train ? Severity::warning : Severity::note, "empty_split", "",
                   fmt::format("the split {} is empty", split_name(split)));
  if (features_digest(data) != data.features_digest)
    findings.add(Severity::error, "features_changed", "",
                 "the features are not those that the fingerprint was made of; the file is damaged or was edited");
}

void check_labels(const Dataset& data, Findings& findings) {
  std::vector<std::string> outside, unlabelled;
  PerModality<std::vector<std::string>> own_outside, own_missing;
  const auto is_outside = [&](float label) { return label < float(data.score_low) || label > float(data.score_high); };
  for (const Clip& clip : data.clips) {
    if (is_outside(clip.label)) outside.push_back(clip.id());
    if (std::isnan(clip.label)) unlabelled.push_back(clip.id());
    for (const auto m : kModalities) {
      if (is_outside(clip.unimodal_labels[m])) own_outside[m].push_back(clip.id());
      if (std::isnan(clip.unimodal_labels[m])) own_missing[m].push_back(clip.id());
    }
  }
  std::vector<float> labels;
  for (const Clip& clip : data.clips) labels.push_back(clip.label);
  if (const auto problem = off_scale(data.family, labels); !problem.empty())
    findings.add(Severity::warning, "label_scale", "", fmt::format("{}; {}", problem, kScaleHint));
  const std::string range = fmt::format("[{}, {}]", data.score_low, data.score_high);
  if (!outside.empty())
    findings.add(Severity::warning, "label_out_of_range", "",
                 fmt::format("{} labels lie outside {}; data.labels keeps or clips them", outside.size(), range),
                 outside);
  if (!unlabelled.empty())
    findings.add(Severity::warning, "missing_label", "", fmt::format("{} clips have no label", unlabelled.size()),
                 unlabelled);
  for (const Modality modality : kModalities) {
    const std::string name(modality_name(modality));
    if (!own_outside[modality].empty())
      findings.add(Severity::warning, "label_out_of_range", name,
                   fmt::format("{} unimodal labels lie outside {}", own_outside[modality].size(), range),
                   own_outside[modality]);
    if (own_missing[modality].size() == data.clips.size())
      findings.add(Severity::note, "no_unimodal_labels", name,
                   fmt::format("no clip has a label of its own for {} (label_{})", name, letter(modality)));
    else if (!own_missing[modality].empty())
      findings.add(Severity::warning, "missing_unimodal_label", name,
                   fmt::format("{} clips have no label_{}, others do", own_missing[modality].size(), letter(modality)),
                   own_missing[modality]);
  }
}

void check_texts(const Dataset& data, const WordPiece* tokenizer, Findings& findings) {
  std::vector<std::string> empty;
  for (const Clip& clip : data.clips)
    if (clip.text.empty()) empty.push_back(clip.id());
  if (empty.size() == data.clips.size())
    findings.add(Severity::note, "no_text", "text", "the clips have no raw text");
  else if (!empty.empty())
    findings.add(Severity::warning, "empty_text", "text", fmt::format("{} clips have an empty text", empty.size()),
                 empty);
  check_stored_tokens(data, findings);
  if (tokenizer == nullptr || !data.text_bert.defined()) return;
  const auto agreement = token_agreement(data, *tokenizer);
  if (agreement.largest_id >= tokenizer->size())
    findings.add(Severity::error, "token_id_range", "text",
                 fmt::format("stored token ids go up to {}, but {} has {} pieces", agreement.largest_id,
                             tokenizer->path().string(), tokenizer->size()),
                 clips_with_ids_from(data, tokenizer->size()));
  if (agreement.checked > 0)
    findings.add(2 * agreement.equal < agreement.checked ? Severity::error
                 : agreement.equal < agreement.checked   ? Severity::warning
                                                         : Severity::note,
                 "token_agreement", "text",
                 fmt::format("{} of {} clips have the token ids that their raw text gives with {}", agreement.equal,
                             agreement.checked, tokenizer->path().string()));
}

}  // namespace

void Findings::add(Severity severity, std::string name, std::string modality, std::string message,
                   std::vector<std::string> clips) {
  list.push_back({severity, std::move(name), std::move(modality), std::move(message), std::move(clips)});
}

CheckReport check_dataset(const Dataset& dataset, const WordPiece* tokenizer) {
  Findings findings;
  check_identity(dataset, findings);
  check_names(dataset, findings);
  check_labels(dataset, findings);
  check_texts(dataset, tokenizer, findings);
  check_features(dataset, findings);
  // The worst first; in the order found within one severity.
  std::stable_sort(findings.list.begin(), findings.list.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return {dataset.name, dataset.source, dataset.fingerprint, std::int64_t(dataset.clips.size()),
          std::move(findings.list)};
}

}  // namespace kuda
