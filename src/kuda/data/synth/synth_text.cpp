#include "kuda/data/synth/synth_text.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>

#include "kuda/base/lower_case.h"

namespace kuda {
namespace {

std::string pick(const Words& words, Random& random) { return std::string(words[random.below(words.size())]); }

std::int64_t count_words(std::string_view text) { return 1 + std::count(text.begin(), text.end(), ' '); }

/// A clause without its joint; an opinion knows its intensity.
struct Clause {
  std::string text;
  bool is_opinion = false;
  int intensity = 0;
};

/// `count` intensities in [-5, 5] whose sum is count * 5 * level / centre, rounded at random where it is no integer.
std::vector<int> draw_intensities(Random& random, int level, int centre, int count) {
  const int wanted = 5 * count * level;
  int sum = wanted / centre - (wanted % centre < 0 ? 1 : 0);  // floor
  if (random.uniform() * centre < wanted - sum * centre) ++sum;
  const int base = sum / count - (sum % count < 0 ? 1 : 0);
  std::vector<int> intensities(std::size_t(count), base);
  for (int extra = sum - base * count; extra > 0; --extra) ++intensities[std::size_t(extra - 1)];
  random.shuffle(intensities);
  // Spread them: a text is rarely equally pleased with everything.
  for (std::size_t i = 1; i < intensities.size(); ++i) {
    if (intensities[i - 1] < 5 && intensities[i] > -5 && random.below(2) == 0) {
      ++intensities[i - 1];
      --intensities[i];
    }
  }
  return intensities;
}

/// An opinion of at most `room` words: "the whole plot was dull" (5) down to "dull plot" (2).
Clause draw_opinion(Random& random, const Words& topic, int intensity, std::int64_t room) {
  const std::string noun = pick(topic, random), word = pick(opinion_words(intensity), random);
  const std::string state = noun + " " + pick(linking_verbs(), random) + " " + word;
  const auto forms = std::uint64_t(std::clamp<std::int64_t>(room, 2, 5) - 1);
  const auto form = std::max(random.below(forms), random.below(forms));  // whole sentences more often
  static const Words one{"the ", "this ", "that ", "our "};
  static const Words two{"the whole ", "this whole ", "the entire ", "the other "};
  if (form == 0) return {word + " " + noun, true, intensity};
  if (form == 1) return {state, true, intensity};
  return {pick(form == 2 ? one : two, random) + state, true, intensity};
}

/// A clause from the list with its slots filled.
std::string fill_slots(std::string_view clause, Random& random) {
  std::string text(clause);
  for (auto open = text.find('{'); open != std::string::npos; open = text.find('{')) {
    const auto close = text.find('}', open);
    text.replace(open, close - open + 1, pick(slot_words(text.substr(open + 1, close - open - 1)), random));
  }
  return text;
}

/// Neutral clauses, each with its joint, while they fit; returns the pieces that are left over.
std::int64_t add_fillers(std::vector<Clause>& clauses, std::int64_t room, Random& random) {
  std::vector<std::string_view> unused(filler_clauses());
  random.shuffle(unused);
  for (const auto clause : unused) {
    const auto cost = count_words(clause) + 1;
    if (cost > room) continue;
    clauses.push_back({fill_slots(clause, random)});
    room -= cost;
  }
  return room;
}

/// ", " between clauses, or a conjunction; each is one piece.
std::string draw_joint(const Clause& left, const Clause& right, Random& random) {
  if (random.below(2) == 0) return ", ";
  return left.is_opinion && right.is_opinion && left.intensity * right.intensity < 0 ? " but " : " and ";
}

const std::map<std::string_view, int>& intensity_of_word() {
  static const auto table = [] {
    std::map<std::string_view, int> intensities;
    for (int intensity = -5; intensity <= 5; ++intensity)
      for (const auto word : opinion_words(intensity)) intensities.emplace(word, intensity);
    return intensities;
  }();
  return table;
}

const std::map<std::string_view, SynthRole>& role_of_phrase() {
  static const auto table = [] {
    std::map<std::string_view, SynthRole> roles;
    for (const auto role : {SynthRole::dominant, SynthRole::support, SynthRole::noise})
      for (int words = 1; words <= 4; ++words)
        for (const auto phrase : frame_phrases(role, words)) roles.emplace(phrase, role);
    return roles;
  }();
  return table;
}

/// Calls visit(part) for the parts of a text between any of the separators, without surrounding blanks.
template <class Visit>
void for_each_part(std::string_view text, std::string_view separators, Visit&& visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    auto part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (!part.empty()) visit(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

std::string draw_text(Random& random, int level, int centre, SynthRole role, std::int64_t pieces) {
  // Nothing but the choice of words depends on the role and the level, so that lengths tell nothing.
  const auto longest_frame = std::clamp<std::int64_t>(pieces - 6, 1, 4);
  const auto frame_words = 1 + std::int64_t(random.below(std::uint64_t(longest_frame)));
  std::int64_t room = pieces - frame_words - 2;  // the frame's comma and the final stop
  const auto most = std::clamp<std::int64_t>((room + 1) / 6, 1, 4);
  const int count = 1 + int(random.below(std::uint64_t(most)));
  const auto& topic = topics()[random.below(topics().size())];

  std::vector<Clause> clauses;
  for (const int intensity : draw_intensities(random, level, centre, count)) {
    const bool is_first = clauses.empty();
    clauses.push_back(draw_opinion(random, topic, intensity, is_first ? room : 5));
    room -= count_words(clauses.back().text) + (is_first ? 0 : 1);
  }
  room = add_fillers(clauses, room, random);
  random.shuffle(clauses);
  Words hesitations(filler_words());  // at most three pieces are left: the shortest clause with its joint has four
  random.shuffle(hesitations);
  for (std::size_t i = 0; std::int64_t(i) < room; ++i) {
    auto& text = clauses[(i + clauses.size() - 1) % clauses.size()].text;
    text = std::string(hesitations[i % hesitations.size()]) + " " + text;
  }

  std::string body = clauses.front().text;
  for (std::size_t i = 1; i < clauses.size(); ++i)
    body += draw_joint(clauses[i - 1], clauses[i], random) + clauses[i].text;
  const std::string frame = pick(frame_phrases(role, int(frame_words)), random);
  std::string text = random.below(4) == 0 ? body + ", " + frame + "." : frame + ", " + body + ".";
  text.front() = char(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

TextEvidence read_text(std::string_view text) {
  const std::string lower = lower_case(text);
  TextEvidence evidence;
  int sum = 0;
  for_each_part(lower, ",. ", [&](std::string_view word) {
    const auto found = intensity_of_word().find(word);
    if (found == intensity_of_word().end()) return;
    sum += found->second;
    ++evidence.opinions;
  });
  for_each_part(lower, ",.", [&](std::string_view part) {
    const auto found = role_of_phrase().find(part);
    if (found != role_of_phrase().end()) evidence.role = found->second;
  });
  if (evidence.opinions > 0) evidence.sentiment = sum / (5.0 * evidence.opinions);
  return evidence;
}

}  // namespace kuda
