#pragma once
// What a voice sounds like, in numbers: 64 descriptors of a sound at 100 frames a second.
//
//   const auto features = voice_features(samples);       // [F, 64]; columns by name: voice_columns()
//   VoiceAnalyser analyser;                              // or in pieces, in constant memory, the same bits:
//   for (const auto& piece : pieces) use(analyser.add(piece));
//   use(analyser.finish());
//
// Time: frame i is centred on sample i * sample_rate / frames_per_second, that is on i / frames_per_second seconds. The
// sound stands between two silences, so that frames at its ends look at zeros. A frame belongs to a sound whose samples
// reach its centre: F = ceil(S * frames_per_second / sample_rate) whatever the sound is, 100 for a second, 0 for none.
//
// Columns, with x the samples of 25 ms about the centre, w a Hann window of that length, P[k] = |FFT(w x)[k]|^2 over
// sum w^2 (white noise of variance v has P = v in each bin), FFTs as long as the next power of two:
//
//   mel_0..39         ln(sum_k H_m[k] P[k] + 1e-10), triangles H of height 1 with their feet at their neighbours'
//                     centres, evenly spaced in mel = 2595 log10(1 + f / 700) from 20 Hz to half the sample rate
//                     (O'Shaughnessy 1987, as HTK)
//   mfcc_0..12        orthonormal DCT-II of mel (Davis and Mermelstein 1980)
//   energy            ln(mean x^2 + 1e-10)
//   zero_crossings    share of neighbouring samples of different sign; a tone of f Hz has 2 f / sample_rate
//   centroid          Hz: sum f P / sum P
//   flux              sum_k (a[k] - a'[k])^2, a = sqrt(P) over its norm, a' that of the frame before; 0 to 2, first 0
//   slope_0_500,      dB per kHz: least squares of 10 log10(P + 1e-10) on f within that band of Hz
//   slope_500_1500    (GeMAPS, Eyben et al. 2016)
//   f0                Hz, 0 where there is no voice (pitch.h; Boersma 1993)
//   voicing           1 where there is a voice, else 0
//   jitter            mean |T_k - T_(k-1)| / mean T of the periods T within 25 ms (pulses.h); 0 without voice
//   shimmer           mean |A_k - A_(k-1)| / mean A of the periods' amplitudes A there; 0 without voice
//   hnr               dB, harmonics to noise: 10 log10(r / (1 - r)), r the autocorrelation at the chosen period, the
//                     highest one where there is no voice; between -10 and 40 (Boersma 1993, eq. 4)

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kuda {

struct VoiceOptions {
  int sample_rate = 16000;
  double frames_per_second = 100;                 ///< at least 10; has to divide the sample rate
  double lowest_pitch = 60, highest_pitch = 500;  ///< Hz; the pitch window is three of the longest periods (50 ms)
  // Costs of the pitch path, as Praat has them for a step of 10 ms (Boersma 1993, eq. 23 to 27).
  double silence_threshold = 0.03;  ///< of the loudest sample within three seconds: what is softer is hardly a voice
  double voicing_threshold = 0.45;  ///< autocorrelation that a voice needs
  double octave_cost = 0.01;        ///< per octave: prefers high candidates
  double octave_jump_cost = 0.35;   ///< per octave between neighbouring frames
  double voiced_unvoiced_cost = 0.14;
};

/// Names of the columns of `voice_features`, in order.
[[nodiscard]] const std::vector<std::string>& voice_columns();

/// samples [S] float32, mono, full scale is 1 (more is no error) -> [F, 64] float32, finite.
/// Throws ShapeError, DataError naming the first sample that is not finite, ConfigError for options that do not fit.
[[nodiscard]] at::Tensor voice_features(const at::Tensor& samples, const VoiceOptions& options = {});

/// Amplitude (root mean square) of what lies between 200 and 4000 Hz, where speech is: samples [S] -> [F] float32, for
/// the question whose mouth moves with the sound.
[[nodiscard]] at::Tensor speech_energy(const at::Tensor& samples, const VoiceOptions& options = {});
/// The same from the rows of `voice_features`: [F, 64] -> [F].
[[nodiscard]] at::Tensor speech_energy_of(const at::Tensor& features, const VoiceOptions& options = {});

/// The rows of `voice_features` from a sound that comes in pieces: the pieces may be cut anywhere and hours long, the
/// rows are the same to the bit, and memory stays at some seconds of sound. A row comes out at most seven seconds after
/// its sound.
class VoiceAnalyser {
 public:
  explicit VoiceAnalyser(const VoiceOptions& options = {});
  VoiceAnalyser(const VoiceAnalyser&) = delete;
  VoiceAnalyser& operator=(const VoiceAnalyser&) = delete;
  ~VoiceAnalyser();
  [[nodiscard]] at::Tensor add(const at::Tensor& samples);  ///< the next samples -> the next rows, [0 or more, 64]
  [[nodiscard]] at::Tensor finish();                        ///< the rest; nothing is added after it

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace kuda
