// Speech in a sound that comes in pieces: what is found, and when it is forgotten.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <utility>

#include "kuda/base/error.h"
#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/part_finder.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/extract/speech/speech_windows.h"
#include "kuda/extract/speech/test_speech.h"
#include "kuda/extract/speech/whisper.h"

namespace kuda {
namespace {

using test::error_of;
using testing::HasSubstr;
using torch::Tensor;

constexpr double kStepSeconds = double(kVoiceStep) / double(kSampleRate);

/// Stretches of speech and of pauses, most of them short, some as long as a minute.
std::vector<float> made_probabilities(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return random() % n; };
  std::vector<float> probabilities;
  while (probabilities.size() < count) {
    const auto length = below(8) == 0 ? below(2000) : 1 + below(60);
    const float level = std::array{0.1F, 0.4F, 0.9F}[below(3)];
    for (unsigned i = 0; i < length && probabilities.size() < count; ++i)
      probabilities.push_back(below(20) == 0 ? 0.6F - level : level);
  }
  return probabilities;
}

/// The rules in two passes over the whole: parts first, then their padding.
std::vector<SpeechPart> parts_in_two_passes(const std::vector<float>& probabilities, double seconds,
                                            const SpeechPartOptions& options) {
  std::vector<SpeechPart> parts;
  std::optional<double> begin, silence;
  const auto close = [&](double end) {
    if (end - *begin >= options.shortest_speech) parts.push_back({*begin, end});
    begin.reset();
    silence.reset();
  };
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double now = double(i) * kStepSeconds;
    if (probabilities[i] >= options.threshold) {
      begin = begin.value_or(now);
      silence.reset();
    } else if (begin && probabilities[i] < options.release) {
      silence = silence.value_or(now);
      if (now + kStepSeconds - *silence >= options.shortest_silence) close(*silence);
    }
  }
  if (begin) close(silence.value_or(seconds));
  auto padded = parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double before = i == 0 ? parts[i].begin : (parts[i].begin - parts[i - 1].end) / 2;
    const double after = i + 1 == parts.size() ? seconds - parts[i].end : (parts[i + 1].begin - parts[i].end) / 2;
    padded[i].begin -= std::min(options.padding, before);
    padded[i].end += std::min(options.padding, std::max(after, 0.0));
  }
  return padded;
}

void expect_same(const std::vector<SpeechPart>& found, const std::vector<SpeechPart>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].begin, expected[i].begin) << "part " << i;
    EXPECT_EQ(found[i].end, expected[i].end) << "part " << i;
  }
}

TEST(SpeechParts, ComeOutOnTheWayAsTheyAreInTheWhole) {
  for (const double padding : {0.0, 0.1, 1.0})
    for (unsigned seed = 0; seed < 20; ++seed) {
      const SpeechPartOptions options{.padding = padding};
      const auto probabilities = made_probabilities(6000, seed);
      const double seconds = 6000 * kStepSeconds - 0.01;
      const auto expected = parts_in_two_passes(probabilities, seconds, options);
      PartFinder finder(kStepSeconds, options);
      std::vector<SpeechPart> found;
      for (const float probability : probabilities) {
        finder.add(probability);
        for (const auto& part : finder.take()) found.push_back(part);
        const auto open = finder.open();
        if (open) {
          ASSERT_LT(found.size(), expected.size());
          ASSERT_EQ(open->begin, expected[found.size()].begin) << "what is certain stays";
          ASSERT_LE(open->end, expected[found.size()].end);
        }
        const auto next = found.size() + (open ? 1 : 0);
        if (next < expected.size()) ASSERT_GE(expected[next].begin, finder.nothing_before());
      }
      finder.finish(seconds);
      for (const auto& part : finder.take()) found.push_back(part);
      expect_same(found, expected);
      EXPECT_GT(expected.size(), 5U);
    }
}

TEST(SpeechWindows, ComeOutOnTheWayAndTheSoundBeforeThemIsNotNeeded) {
  torch::manual_seed(3);
  for (unsigned seed = 0; seed < 6; ++seed) {
    const SpeechPartOptions options{.padding = seed % 2 == 0 ? 0.1 : 1.0};
    const auto probabilities = made_probabilities(20000, seed);  // ten minutes
    const auto samples = torch::randn({20000 * kVoiceStep});
    const double seconds = 20000 * kStepSeconds;
    const auto expected = speech_windows(samples, parts_of(probabilities, kStepSeconds, seconds, options), 28);
    PartFinder parts(kStepSeconds, options);
    std::int64_t heard = 0, forgotten = 0, most_kept = 0;
    WindowFinder windows(28, [&](std::int64_t from, std::int64_t to) {
      EXPECT_GE(from, forgotten);
      EXPECT_LE(to, heard);
      return samples.slice(0, from, to);
    });
    std::vector<SpeechWindow> found;
    const auto take = [&] {
      for (auto& window : windows.take()) {
        EXPECT_GE(sample_at(window.begin), forgotten);
        EXPECT_LE(sample_at(window.end), heard);
        found.push_back(std::move(window));
      }
    };
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      parts.add(probabilities[i]);
      heard += kVoiceStep;
      if (i % 64 != 63) continue;
      for (const auto& part : parts.take()) windows.add(part);
      if (const auto open = parts.open()) windows.goes_on(*open);
      windows.nothing_before(parts.nothing_before());
      take();
      forgotten = std::max(forgotten, sample_at(windows.needed_from()));
      most_kept = std::max(most_kept, heard - forgotten);
    }
    parts.finish(seconds);
    for (const auto& part : parts.take()) windows.add(part);
    windows.finish(seconds);
    take();
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].begin, expected[i].begin) << "window " << i;
      EXPECT_EQ(found[i].end, expected[i].end) << "window " << i;
      expect_same(found[i].parts, expected[i].parts);
    }
    EXPECT_GT(found.size(), 10U);
    EXPECT_LT(most_kept, 64 * kSampleRate) << "two windows, a pause and what lies between two looks";
  }
}

/// A real clip of three seconds, again and again with silence between; undefined where it is not to be had.
Tensor said_again_and_again(std::int64_t times, std::int64_t pause) {
  const auto path = test::shared_file("data/grid/bbaf2n.mpg");
  if (!std::filesystem::exists(path)) return {};
  const auto clip = test::sound_of_file(path);
  if (!clip.defined()) return {};
  std::vector<Tensor> all;
  for (std::int64_t i = 0; i < times; ++i) all.insert(all.end(), {clip, torch::zeros({pause * kSampleRate})});
  return torch::cat(all);
}

/// In pieces of odd sizes; `most_kept` receives the most samples that were remembered.
HeardSpeech in_pieces(const Tensor& sound, const VoiceActivity& voice, const SpeechRecogniser& recogniser,
                      std::size_t* most_kept = nullptr) {
  SpeechListener listener(voice, recogniser);
  std::size_t most = 0;
  for (std::int64_t from = 0, size = 1; from < sound.size(0); from += size, size = (size * 7 + 3) % 50021) {
    listener.add(sound.slice(0, from, from + size));
    most = std::max(most, listener.kept());
  }
  if (most_kept != nullptr) *most_kept = most;
  return listener.finish();
}

void expect_same(const Transcript& found, const Transcript& expected) {
  EXPECT_EQ(found.text, expected.text);
  EXPECT_EQ(found.language, expected.language);
  EXPECT_EQ(found.repeated, expected.repeated);
  EXPECT_EQ(found.average_log_probability, expected.average_log_probability);
  ASSERT_EQ(found.words.size(), expected.words.size());
  for (std::size_t i = 0; i < found.words.size(); ++i) {
    EXPECT_EQ(found.words[i].text, expected.words[i].text);
    EXPECT_EQ(found.words[i].begin, expected.words[i].begin);
    EXPECT_EQ(found.words[i].end, expected.words[i].end);
  }
}

TEST(SpeechListener, HearsInPiecesWhatIsHeardInTheWhole) {
  KUDA_NEEDS_WEIGHTS();
  const auto sound = said_again_and_again(3, 14);  // over two blocks of the voice activity
  if (!sound.defined()) GTEST_SKIP() << "no real clip or no ffmpeg program";
  const VoiceActivity voice(test::extractor_folder() / "voice_activity.safetensors");
  const SpeechRecogniser recogniser(test::extractor_folder() / "whisper-tiny.en");
  const auto parts = voice.parts(sound);
  const auto heard = in_pieces(sound, voice, recogniser);
  expect_same(heard.transcript, recogniser.transcribe(sound, parts));
  EXPECT_GE(heard.transcript.words.size(), 6U);
  double seconds = 0;
  for (const auto& part : parts) seconds += part.end - part.begin;
  EXPECT_EQ(heard.seconds, seconds);
  for (const auto& other : {torch::zeros({0}), torch::zeros({100}), torch::zeros({kVoiceStep * kVoiceStepsAtOnce})})
    EXPECT_EQ(in_pieces(other, voice, recogniser).transcript.text, "");
}

TEST(SpeechListener, KeepsNoMoreOfALongSoundThanOfAShortOne) {
  KUDA_NEEDS_WEIGHTS();
  const VoiceActivity voice(test::extractor_folder() / "voice_activity.safetensors");
  const auto folder = test::data_file("speech/whisper");  // small and random
  const auto sound = said_again_and_again(6, 47);         // five minutes
  if (!sound.defined()) GTEST_SKIP() << "no real clip or no ffmpeg program";
  const SpeechRecogniser english(folder, {.language = "en"}), any(folder);
  std::size_t most = 0;
  expect_same(in_pieces(sound, voice, english, &most).transcript, english.transcribe(sound, voice.parts(sound)));
  EXPECT_LT(most, std::size_t(80 * kSampleRate));
  // A language that has to be heard first is another thing: the speech waits for it, but not the pauses.
  expect_same(in_pieces(sound, voice, any, &most).transcript, any.transcribe(sound, voice.parts(sound)));
  EXPECT_LT(most, std::size_t((80 + 6 * 3) * kSampleRate));
}

TEST(SpeechListener, GivesTheStatesOfTheEncoderWithTheirTimes) {
  KUDA_NEEDS_WEIGHTS();
  const auto sound = said_again_and_again(2, 5);
  if (!sound.defined()) GTEST_SKIP() << "no real clip or no ffmpeg program";
  const VoiceActivity voice(test::extractor_folder() / "voice_activity.safetensors");
  const auto folder = test::data_file("speech/whisper");
  const SpeechRecogniser recogniser(folder, {.language = "en"});
  std::vector<std::pair<double, Tensor>> heard;
  SpeechListener listener(voice, recogniser, {},
                          [&](double begin, const Tensor& states) { heard.emplace_back(begin, states); });
  listener.add(sound);
  (void)listener.finish();
  const auto windows = speech_windows(sound, voice.parts(sound), 28);
  ASSERT_EQ(heard.size(), windows.size());
  ASSERT_EQ(heard.size(), 2U);
  const torch::NoGradGuard no_grad;
  auto whisper = load_whisper(folder);
  for (std::size_t i = 0; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i].first, windows[i].begin);
    const auto own = sound_of(sound, windows[i]);
    const auto padded = torch::constant_pad_nd(own, {0, 10 * kSampleRate - own.size(0)});
    const auto states = whisper->encode(log_mel(padded, mel_filters(80)))[0];
    EXPECT_EQ(heard[i].second.size(0), (own.size(0) + 319) / 320) << "silence behind the sound has none";
    EXPECT_TRUE(heard[i].second.equal(states.slice(0, 0, heard[i].second.size(0))));
  }
}

TEST(SpeechListener, OtherInputIsNamed) {
  KUDA_NEEDS_WEIGHTS();
  const VoiceActivity voice(test::extractor_folder() / "voice_activity.safetensors");
  const SpeechRecogniser recogniser(test::data_file("speech/whisper"));
  SpeechListener listener(voice, recogniser);
  EXPECT_THAT(error_of<ShapeError>([&] { listener.add(torch::zeros({2, 9})); }), HasSubstr("expected [S] float32"));
}

}  // namespace
}  // namespace kuda
