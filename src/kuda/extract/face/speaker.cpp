#include "kuda/extract/face/speaker.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>

namespace kuda {
namespace {

constexpr std::size_t kFewest = 8;  ///< pictures that a correlation is taken from
constexpr double kSurest = 0.999;   ///< keeps atanh finite
constexpr double kStill = 1e-12;    ///< variance of a mouth or a voice that does not change
constexpr double kRounding = 1e-6;  ///< of a time, in values: 0.6 s are 6 tenths

std::optional<double> correlation(const FaceTrack& track, std::span<const float> voice) {
  const auto n = track.pictures.size();
  if (n < kFewest || voice.empty()) return std::nullopt;
  double mouths = 0, voices = 0;
  for (std::size_t i = 0; i < n; ++i) {
    mouths += track.mouth[i];
    voices += voice[std::size_t(track.pictures[i])];
  }
  mouths /= double(n);
  voices /= double(n);
  double both = 0, mouth_square = 0, voice_square = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double mouth = track.mouth[i] - mouths, loud = voice[std::size_t(track.pictures[i])] - voices;
    both += mouth * loud;
    mouth_square += mouth * mouth;
    voice_square += loud * loud;
  }
  if (!(mouth_square > kStill) || !(voice_square > kStill)) return std::nullopt;
  return both / std::sqrt(mouth_square * voice_square);
}

/// Whether two faces were to choose between in half of the pictures of the shorter one or more.
bool are_seen_together(const FaceTrack& a, const FaceTrack& b) {
  std::vector<std::int64_t> both;
  std::ranges::set_intersection(a.pictures, b.pictures, std::back_inserter(both));
  return !both.empty() && 2 * both.size() >= std::min(a.pictures.size(), b.pictures.size());
}

}  // namespace

SpeakerChoice choose_speaker(const std::vector<FaceTrack>& tracks, std::span<const float> voice) {
  constexpr double kUnknown = -std::numeric_limits<double>::infinity();
  std::vector<std::optional<double>> correlations;
  std::vector<double> sureness;
  for (const auto& track : tracks) {
    const auto r = correlations.emplace_back(correlation(track, voice));
    sureness.push_back(r ? std::atanh(std::clamp(*r, -kSurest, kSurest)) * std::sqrt(double(track.pictures.size()) - 3)
                         : kUnknown);
  }
  SpeakerChoice choice;
  choice.order.resize(tracks.size());
  std::iota(choice.order.begin(), choice.order.end(), std::int64_t{0});
  std::ranges::stable_sort(choice.order, [&](std::int64_t left, std::int64_t right) {
    const auto a = std::size_t(left), b = std::size_t(right);
    if (sureness[a] != sureness[b]) return sureness[a] > sureness[b];
    return tracks[a].area > tracks[b].area;
  });
  if (choice.order.empty() || !correlations[std::size_t(choice.order[0])]) return choice;
  const auto first = std::size_t(choice.order[0]);
  choice.correlation = *correlations[first];
  std::optional<double> best_other;
  for (std::size_t i = 0; i < tracks.size(); ++i)
    if (i != first && correlations[i] && are_seen_together(tracks[first], tracks[i]))
      best_other = std::max(best_other.value_or(-1), *correlations[i]);
  if (best_other) choice.margin = choice.correlation - *best_other;
  return choice;
}

std::vector<float> voice_of_pictures(std::span<const float> energy, double rate, std::span<const double> times) {
  std::vector<float> voice;
  if (energy.empty() || times.empty()) return voice;
  const double interval = times.size() > 1 ? (times.back() - times.front()) / double(times.size() - 1) : 1 / rate;
  const auto last = std::ssize(energy);
  for (const auto time : times) {
    const auto first =
        std::clamp<std::int64_t>(std::int64_t(std::ceil((time - interval / 2) * rate - kRounding)), 0, last);
    const auto end =
        std::clamp<std::int64_t>(std::int64_t(std::ceil((time + interval / 2) * rate - kRounding)), 0, last);
    double sum = 0;
    for (auto i = first; i < end; ++i) sum += energy[std::size_t(i)];
    voice.push_back(end > first ? float(sum / double(end - first)) : 0);  // behind the end of the sound: silence
  }
  return voice;
}

}  // namespace kuda
