#include "kuda/evaluation/score_marks.h"

#include <fmt/format.h>

#include <algorithm>

#include "kuda/base/names.h"
#include "kuda/checkpoint/score_range.h"
#include "kuda/data/input_range.h"

namespace kuda {

std::vector<ScoreMarks> marks_of(const Scorer& scorer, const std::vector<std::int64_t>& rows,
                                 const std::vector<Prediction>& predictions) {
  const auto& facts = scorer.checkpoint().facts;
  std::vector<ScoreMarks> marks(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    marks[i].outside_range = is_outside_range(facts, predictions[i].score);
    marks[i].cut = scorer.collator().cuts(rows[i]);
    for (const Modality m : kModalities)
      if (const auto& feature = scorer.dataset().feature(m); feature && scorer.collator().config().uses(m))
        marks[i].far_input[m] = is_far(frames_of_clip(*feature, rows[i]), facts.largest_input[m]);
  }
  return marks;
}

std::vector<std::string> describe(const std::vector<ScoreMarks>& marks, const Scorer& scorer) {
  const auto& facts = scorer.checkpoint().facts;
  const auto count = [&](auto has) { return std::count_if(marks.begin(), marks.end(), has); };
  std::vector<std::string> lines;
  if (const auto outside = count([](const ScoreMarks& of) { return of.outside_range; }); outside > 0)
    lines.push_back(
        fmt::format("{} of {} scores lie outside [{}, {}], the range of the labels: outside_range marks them", outside,
                    marks.size(), facts.score_low, facts.score_high));
  if (const auto far = count([](const ScoreMarks& of) { return of.far_input != PerModality<bool>(); }); far > 0)
    lines.push_back(
        fmt::format("{} of {} clips have values more than ten times as large as any in training: far_input marks them",
                    far, marks.size()));
  return lines;
}

std::string cut_note(const std::vector<ScoreMarks>& marks, const std::vector<Prediction>& predictions) {
  const auto is_cut = [](const ScoreMarks& of) { return of.cut != Cuts(); };
  const auto first = std::find_if(marks.begin(), marks.end(), is_cut);
  if (first == marks.end()) return "";
  return fmt::format("{} of {} clips are longer than what the model reads and were cut, for example {}: {}",
                     std::count_if(marks.begin(), marks.end(), is_cut), marks.size(),
                     predictions[std::size_t(first - marks.begin())].id, cut_text(first->cut));
}

std::string cut_text(const Cuts& cuts) {
  std::string text;
  for (const Modality modality : kModalities)
    if (const auto& cut = cuts[modality])
      text += fmt::format("{}{} {} to {}", text.empty() ? "" : "; ", modality_name(modality), cut->from, cut->to);
  return text;
}

std::string names_text(const PerModality<bool>& modalities) {
  std::vector<std::string> names;
  for (const auto modality : kModalities)
    if (modalities[modality]) names.emplace_back(modality_name(modality));
  return join(names, " ");
}

}  // namespace kuda
