#include "kuda/data/sources/mmsa_recipes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "kuda/data/sources/mmsa_split.h"

namespace kuda {
namespace {

using Kind = io::Value::Kind;

/// `expression` makes of d, the file's object, the dict of splits.
std::string rewritten(const std::string& expression) {
  return fmt::format(
      "in Python: import pickle; d = pickle.load(open('FILE', 'rb'))\n"
      "        pickle.dump({}, open('NEW.pkl', 'wb'))",
      expression);
}

/// `columns` makes a dict of columns of the clips v.
std::string per_split(const std::string& columns, bool is_root) {
  return is_root ? rewritten("{'test': (lambda v: " + columns + ")(d)}") + "  # name the split that it is"
                 : rewritten("{s: " + columns + " for s, v in d.items()}");
}

bool is_frames(const io::Value& value) { return value.kind() == Kind::array && value.array().shape.size() == 2; }
bool is_words(const io::Value& value) {
  return is_sequence(value) && value.size() > 0 && (value[0].kind() == Kind::text || value[0].kind() == Kind::bytes);
}

/// ((words, visual, acoustic, ...), label, id): the order of MISA, MAG-BERT and MMIM.
std::string recipe_for_tuples(const io::Value& clip, bool is_root) {
  const io::Value& features = clip[0];
  std::string columns;
  const auto add = [&](std::string_view key, const std::string& value) {
    columns += fmt::format("{}'{}': [{} for c in v]", columns.empty() ? "{" : ", ", key, value);
  };
  add("id", "c[2]");
  add("regression_labels", "float(c[1].reshape(-1)[0])");
  if (!is_sequence(features)) return {};
  std::optional<std::size_t> words;
  std::vector<std::size_t> frames;
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (is_words(features[i])) words = i;
    if (is_frames(features[i])) frames.push_back(i);
  }
  if (words) add("raw_text", fmt::format("' '.join(c[0][{}])", *words));
  if (!frames.empty()) add("vision", fmt::format("c[0][{}]", frames[0]));
  if (frames.size() > 1) add("audio", fmt::format("c[0][{}]", frames[1]));
  return per_split(columns + "}", is_root) +
         "\n        if clips are ((words, vision, audio, ...), label, id), as MISA and MAG-BERT have them";
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string recipe_for_clips(const io::Value& clips, bool is_root) {
  if (!is_sequence(clips) || clips.size() == 0) return {};
  const io::Value& first = clips[0];
  if (is_root && clips.size() == 3 &&
      (is_sequence(first) || (first.kind() == Kind::dict && first.find("id") != nullptr)))
    return rewritten("dict(zip(('train', 'valid', 'test'), d))") +
           "\n        if its three parts are the splits in this order";
  if (is_root && clips.kind() == Kind::tuple && first.kind() == Kind::dict &&
      clips[clips.size() - 1].kind() != Kind::dict)
    return "a tuple of dicts by dialogue, as DialogueRNN and MMGCN have IEMOCAP and MELD: their labels are classes of "
           "emotion, and kuda learns scores";
  if (first.kind() == Kind::dict) return per_split("{k: [c[k] for c in v] for k in v[0]}", is_root);
  if (is_sequence(first) && first.size() >= 3 && is_sequence(first[0])) return recipe_for_tuples(first, is_root);
  return {};
}

std::string recipe_for_dict(const io::Value& root) {
  if (root.size() == 0) return {};
  const io::Value& first = root.entries().front().second;
  if (first.kind() != Kind::dict || first.size() == 0) return {};
  if (first.find("features") != nullptr && first.find("intervals") != nullptr)
    return "a computational sequence of CMU-MultimodalSDK: keep its .csd file, which is read with a label "
           "sequence: kuda data import LABELS.csd FOLDER --audio FILE.csd";
  const bool holds_splits = std::any_of(first.entries().begin(), first.entries().end(), [](const auto& entry) {
    return entry.first.kind() == Kind::text && split_of_key(entry.first.text()).has_value();
  });
  if (holds_splits) return rewritten("{s: {k: d[k][s] for k in d} for s in next(iter(d.values()))}");
  return rewritten("{'test': dict({k: [c[k] for c in d.values()] for k in next(iter(d.values()))}, id=list(d))}") +
         "\n        if each key is the id of a clip; name the split that they are";
}

std::string recipe_for_labels(const std::string& key, const io::Value& label) {
  if (label.kind() == Kind::text || label.kind() == Kind::bytes)
    return number_in(label.text())
               ? fmt::format("they are texts; in Python: v['{0}'] = [float(x) for x in v['{0}']]", key)
               : fmt::format(
                     "kuda learns scores; where words stand for scores, say which; in Python: v['{0}'] = "
                     "[{{'negative': -1, 'neutral': 0, 'positive': 1}}[x.lower()] for x in v['{0}']]",
                     key);
  if (label.kind() == Kind::array || is_sequence(label))
    return fmt::format(
        "where the first is the sentiment (CMU-MOSEI: sentiment, then six emotions), in Python for each split v: "
        "v['regression_labels'] = numpy.asarray(v['{0}']).reshape(len(v['{0}']), -1)[:, 0]",
        key);
  return {};
}

std::string recipe_for_frames(const std::vector<std::int64_t>& shape, bool is_list) {
  const auto wanted = is_list ? 2U : 3U;
  const std::string ends = is_list ? "x.reshape(len(x), -1)" : "x.reshape(*x.shape[:2], -1)";
  if (shape.size() + 1 == wanted)
    return is_list ? "one vector per clip is [1, D]: x[None]" : "one vector per clip is [N, 1, D]: x[:, None]";
  if (shape.size() == 1 && !is_list) return "one number per clip is [N, 1, 1]: x[:, None, None]";
  if (shape.size() <= wanted) return {};
  if (!is_list && shape[1] == 1 && shape.size() == 4) return "without the second dimension: x.squeeze(1)";
  const bool are_pictures = shape.size() == wanted + 2 && shape.back() <= 4;     // the channels are last
  const bool are_planes = shape.size() == wanted + 2 && shape[wanted - 1] <= 4;  // or before height and width
  if (are_pictures || are_planes)
    return "these look like pictures; kuda reads features: extract them first, for example with MMSA-FET (OpenFace), "
           "or one vector a frame of a picture network";
  return fmt::format("one vector a frame; in Python, all numbers of a frame one after the other: {}; or their mean: {}",
                     ends, is_list ? "x.mean(tuple(range(1, x.ndim - 1)))" : "x.mean(tuple(range(2, x.ndim - 1)))");
}

}  // namespace kuda
