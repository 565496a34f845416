// Word lists of the synthetic texts. No word stands in two intensities, and no filler or frame holds an opinion word.

#include <array>
#include <cstddef>

#include "kuda/base/error.h"
#include "kuda/data/synth/synth_text.h"

namespace kuda {

const Words& opinion_words(int intensity) {
  static const std::array<Words, 11> words{
      Words{"horrible", "disgusting", "horrific", "unbearable", "disastrous", "hideous", "worthless", "catastrophic"},
      Words{"awful", "terrible", "nasty", "miserable", "painful", "dreadful", "pathetic", "rotten"},
      Words{"bad", "poor", "annoying", "unpleasant", "ugly", "stupid", "disappointing", "irritating"},
      Words{"weak", "bland", "clumsy", "dull", "messy", "sloppy", "boring", "stale"},
      Words{"slow", "odd", "uneven", "predictable", "awkward", "vague", "questionable", "dated"},
      Words{"ordinary", "average", "typical", "standard", "usual", "normal", "routine", "conventional"},
      Words{"fine", "decent", "acceptable", "adequate", "reasonable", "fair", "satisfactory", "sufficient"},
      Words{"nice", "pleasant", "solid", "enjoyable", "fresh", "neat", "interesting", "warm"},
      Words{"good", "lovely", "charming", "delightful", "exciting", "clever", "elegant", "engaging"},
      Words{"wonderful", "excellent", "fantastic", "great", "terrific", "impressive", "gorgeous", "marvelous"},
      Words{"magnificent", "perfect", "outstanding", "spectacular", "brilliant", "superb", "flawless", "stunning"}};
  return words.at(std::size_t(intensity + 5));
}

const Words& frame_phrases(SynthRole role, int words) {
  static const std::array<std::array<Words, 4>, 3> phrases{{
      // dominant: the speaker stands by every word
      {Words{"honestly", "definitely", "absolutely", "truly", "certainly", "seriously"},
       Words{"no doubt", "trust me", "for sure", "no question", "believe me", "i swear"},
       Words{"i mean it", "i am certain", "without any doubt", "i am sure", "i promise you", "i guarantee it"},
       Words{"i stand by this", "i mean every word", "there is no doubt", "take it from me", "i know for certain",
             "you have my word"}},
      // support: says nothing about trust
      {Words{"well", "so", "okay", "anyway", "again", "today"},
       Words{"you know", "in passing", "this time", "for now", "at first", "by now"},
       Words{"let me see", "to begin with", "here we go", "as it happens", "on that day", "all in all"},
       Words{"for the first time", "at the same time", "when we got there", "as of last night", "on the way home",
             "in the second half"}},
      // noise: hearsay, not the speaker's own opinion
      {Words{"reportedly", "supposedly", "allegedly", "apparently", "presumably", "rumored"},
       Words{"people say", "others claim", "strangers say", "critics claim", "they claim", "ads say"},
       Words{"the poster claims", "someone else wrote", "the ad says", "i read somewhere", "strangers keep saying",
             "rumor has it"},
       Words{"according to the poster", "somebody else told me", "the press release says", "i only heard that",
             "strangers online claim that", "an anonymous post says"}},
  }};
  return phrases.at(std::size_t(role)).at(std::size_t(words - 1));
}

const std::vector<Words>& topics() {
  static const std::vector<Words> nouns{
      {"plot", "acting", "script", "soundtrack", "ending", "dialogue", "editing", "lighting", "cast", "costume"},
      {"soup", "service", "kitchen", "menu", "dessert", "bread", "coffee", "sauce", "salad", "pasta"},
      {"room", "bed", "lobby", "breakfast", "view", "pool", "bathroom", "shower", "carpet", "balcony"},
      {"screen", "battery", "keyboard", "camera", "speaker", "case", "button", "design", "display", "software"},
      {"chapter", "prose", "hero", "narrator", "title", "style", "language", "beginning", "cover", "middle"},
      {"stage", "singer", "band", "piano", "guitar", "chorus", "crowd", "encore", "hall", "rhythm"},
      {"lecture", "teacher", "homework", "exam", "schedule", "textbook", "classroom", "lesson", "library", "seminar"},
      {"engine", "seat", "steering", "radio", "dashboard", "trunk", "window", "brake", "paint", "gearbox"}};
  return nouns;
}

const Words& linking_verbs() {
  static const Words verbs{"was", "is", "felt", "seemed", "looked", "remained", "became"};
  return verbs;
}

const Words& filler_clauses() {
  static const Words clauses{"we met there",
                             "he came along",
                             "it rained outside",
                             "my {person} called",
                             "they open early",
                             "{number} people left",
                             "we came by train",
                             "it was {month}",
                             "{number} people came",
                             "i live nearby",
                             "we took notes",
                             "we went on {day}",
                             "it opened in {month}",
                             "i was in {city}",
                             "my {person} drove us",
                             "there were {number} people",
                             "we sat near the door",
                             "it took about {number} hours",
                             "i went with my {person}",
                             "this happened back in {month}",
                             "we stayed until {day} morning",
                             "the next one is in {month}",
                             "my {person} came along as well",
                             "we stayed for {number} more minutes",
                             "it is on the corner in {city}",
                             "i am writing this on {day} evening",
                             "there are {number} of them in {city}",
                             "my {person} and i arrived around {number}",
                             "they moved here from {city} in {month}",
                             "we talked about it on the way to {city}"};
  return clauses;
}

const Words& filler_words() {
  static const Words words{"um", "uh", "see", "then", "now", "also", "just", "actually"};
  return words;
}

const Words& slot_words(std::string_view slot) {
  static const Words days{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  static const Words numbers{"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"};
  static const Words persons{"cousin", "brother",   "sister", "neighbor", "uncle", "roommate",
                             "friend", "colleague", "mother", "father",   "aunt",  "boss"};
  static const Words cities{"boston", "london", "paris", "chicago", "berlin", "toronto", "madrid", "dublin"};
  static const Words months{"january", "february", "march",     "april",   "june",     "july",
                            "august",  "may",      "september", "october", "november", "december"};
  if (slot == "day") return days;
  if (slot == "number") return numbers;
  if (slot == "person") return persons;
  if (slot == "city") return cities;
  if (slot == "month") return months;
  throw Error("synthetic text: unknown slot {" + std::string(slot) + "}");
}

}  // namespace kuda
