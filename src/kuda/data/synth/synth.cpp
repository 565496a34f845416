#include "kuda/data/synth/synth.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "kuda/data/sources/fingerprint.h"
#include "kuda/data/synth/synth_decode.h"
#include "kuda/data/synth/synth_frames.h"
#include "kuda/data/synth/synth_rule.h"
#include "kuda/data/synth/synth_text.h"

namespace kuda {
namespace {

constexpr std::int64_t kClipsPerVideo = 8;

/// Lengths of one clip. A common duration and an own share make them log-normal and correlated; they depend on
/// nothing else, so they tell nothing about the score.
using ClipLengths = PerModality<std::int64_t>;

std::int64_t draw_length(Random& random, double duration, double median, double deviation, std::int64_t low,
                         std::int64_t high) {
  const double z = 0.9 * duration + std::sqrt(1 - 0.81) * random.normal();
  return std::clamp<std::int64_t>(std::llround(median * std::exp(deviation * z)), low, high);
}

ClipLengths draw_lengths(const SynthOptions& options, std::int64_t row) {
  Random random(stream_seed(std::uint64_t(options.seed), "synth.length", std::uint64_t(row)));
  const double duration = random.normal();
  ClipLengths lengths;
  // Texts of about 15 pieces where there is room for 50 (as MOSI's); frames about half of the padded length.
  const double text_median = std::min(13.0, 0.5 * double(options.text_length));
  lengths.text = draw_length(random, duration, text_median, 0.45, kShortestText, options.text_length - 2);
  const auto frames = [&](std::int64_t padded) {
    const auto low = std::min(padded, std::max<std::int64_t>(4, padded / 8));
    return draw_length(random, duration, 0.46 * double(padded), 0.55, low, padded);
  };
  lengths.vision = frames(options.vision_length);
  lengths.audio = frames(options.audio_length);
  return lengths;
}

/// A packed array of uninitialised frames with its offsets.
Feature allocate(const std::vector<ClipLengths>& clips, Modality modality, std::int64_t padded, std::int64_t width) {
  Feature feature;
  feature.offsets.push_back(0);
  for (const ClipLengths& clip : clips) {
    feature.lengths.push_back(clip[modality]);
    feature.offsets.push_back(feature.offsets.back() + clip[modality]);
  }
  feature.values = torch::empty({feature.offsets.back(), width}, torch::kFloat32);
  feature.padded_length = padded;
  feature.extractor = "synthetic: docs/synthetic.md";
  return feature;
}

/// 7 with four digits: "0007"
std::string padded_number(std::int64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  text.insert(0, digits - std::min(digits, text.size()), '0');
  return text;
}

/// Splits one after the other, eight clips per video, no video in two splits.
std::vector<Clip> make_clips(const SynthOptions& options) {
  std::vector<Clip> clips;
  std::int64_t video = 0;
  for (const auto& [split, count] :
       {std::pair{Split::train, options.train}, {Split::valid, options.valid}, {Split::test, options.test}}) {
    for (std::int64_t i = 0; i < count; ++i) {
      video += i % kClipsPerVideo == 0 ? 1 : 0;
      Clip clip;
      clip.video_id = "synth_" + padded_number(video, 5);
      clip.clip_id = padded_number(i % kClipsPerVideo + 1, 4);
      clip.split = split;
      clips.push_back(std::move(clip));
    }
  }
  return clips;
}

/// Draws everything of one clip that is not frames.
SynthTruth draw_clip(const SynthRule& rule, Random& random, Clip& clip, SynthState& state) {
  state = rule.draw(random);
  const auto distribution = rule.label_distribution(state);
  clip.label = rule.score(rule.draw_label(distribution, random));
  SynthTruth truth;
  for (const auto m : kModalities) {
    clip.unimodal_labels[m] = rule.score(state.level[m]);
    if (state.role[m] == SynthRole::dominant) truth.dominant = m;
    if (state.role[m] == SynthRole::noise) truth.noise = m;
  }
  truth.conflict = state.conflict;
  const int best = SynthRule::median(distribution);
  truth.expected = float(rule.centre_of_label(state) * rule.half_range());
  truth.bayes_prediction = rule.score(best);
  truth.bayes_error = float(rule.expected_error(distribution, best));
  return truth;
}

/// A text that no clip had before.
std::string draw_new_text(Random& random, const SynthRule& rule, const SynthState& state, std::int64_t pieces,
                          std::set<std::string>& seen) {
  for (;;) {
    const int centre = rule.levels() / 2;
    auto text = draw_text(random, state.level.text - centre, centre, state.role.text, pieces);
    if (seen.insert(text).second) return text;
    pieces = std::max(pieces, kShortestText + 2);  // the shortest form can run out in very large sets
  }
}

}  // namespace

SynthSet synthesize(const SynthOptions& given) {
  const SynthOptions options = given.resolved();
  const auto seed = std::uint64_t(options.seed);
  const SynthRule rule(options);
  const FrameRule vision_rule("vision", options.vision_width), audio_rule("audio", options.audio_width);

  SynthSet set;
  Dataset& data = set.dataset;
  data.name = options.like.empty() ? "synthetic" : "synthetic_" + options.like;
  data.language = "en";
  data.score_low = -rule.half_range();
  data.score_high = rule.half_range();
  data.family = metric_family(options.family);
  data.is_synthetic = true;
  data.source = "synthetic, seed " + std::to_string(options.seed);
  data.clips = make_clips(options);

  const auto count = std::int64_t(data.clips.size());
  std::vector<ClipLengths> lengths;
  for (std::int64_t row = 0; row < count; ++row) lengths.push_back(draw_lengths(options, row));
  data.vision = allocate(lengths, Modality::vision, options.vision_length, options.vision_width);
  data.audio = allocate(lengths, Modality::audio, options.audio_length, options.audio_width);
  auto* vision = data.vision->values.data_ptr<float>();
  auto* audio = data.audio->values.data_ptr<float>();

  std::set<std::string> seen;
  std::array<FrameRule::Hidden, 2> speaker{};
  std::uint64_t video = 0;
  for (std::int64_t row = 0; row < count; ++row) {
    Clip& clip = data.clips[std::size_t(row)];
    const ClipLengths& length = lengths[std::size_t(row)];
    if (row == 0 || clip.video_id != data.clips[std::size_t(row - 1)].video_id) {
      Random random(stream_seed(seed, "synth.speaker", video++));
      speaker = {vision_rule.draw_speaker(random), audio_rule.draw_speaker(random)};
    }
    SynthState state;
    Random latent(stream_seed(seed, "synth.state", std::uint64_t(row)));
    Random words(stream_seed(seed, "synth.text", std::uint64_t(row)));
    Random frames(stream_seed(seed, "synth.frames", std::uint64_t(row)));
    SynthTruth truth = draw_clip(rule, latent, clip, state);
    clip.text = draw_new_text(words, rule, state, length.text, seen);
    float* v = vision + data.vision->offsets[std::size_t(row)] * options.vision_width;
    float* a = audio + data.audio->offsets[std::size_t(row)] * options.audio_width;
    vision_rule.draw(frames, speaker[0], rule.sentiment(state.level.vision), state.role.vision, length.vision, v);
    audio_rule.draw(frames, speaker[1], rule.sentiment(state.level.audio), state.role.audio, length.audio, a);
    truth.decoder_prediction =
        decode_score(rule, read_text(clip.text), vision_rule.read(v, length.vision), audio_rule.read(a, length.audio));
    set.truth.push_back(truth);
  }
  data.features_digest = features_digest(data);
  data.fingerprint = fingerprint_of(data);
  return set;
}

Dataset make_synthetic(const SynthOptions& options) { return synthesize(options).dataset; }

}  // namespace kuda
