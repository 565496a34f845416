#include "kuda/extract/clip_extractor.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "kuda/base/error.h"
#include "kuda/extract/audio_rows.h"
#include "kuda/extract/face/face.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/tensor/tensor.h"

#ifdef KUDA_VIDEO
#include "kuda/media/guarded.h"
#endif

namespace kuda {

#ifdef KUDA_VIDEO

namespace {

constexpr float kSilence = 1e-4F;  // 80 dB below full scale: what 16-bit files have where there is nothing

/// Places of the recipe's columns among those that the code computes.
at::Tensor places_of(const std::vector<std::string>& columns, const std::vector<std::string>& known) {
  std::vector<std::int64_t> places;
  for (const auto& column : columns) places.push_back(std::find(known.begin(), known.end(), column) - known.begin());
  return at::tensor(places, at::kLong);
}

FaceOptions face_options(const VisionRecipe& recipe) {
  FaceOptions options;
  options.redetect_seconds = recipe.redetect_seconds;
  options.minimum_score = recipe.minimum_score;
  options.most_faces = int(recipe.most_faces);
  return options;
}

SpeechPartOptions speech_options(const TextRecipe& recipe) {
  return {recipe.threshold, recipe.release, recipe.shortest_speech, recipe.shortest_silence, recipe.padding};
}

/// Pictures and sound are looked at as they come and forgotten; what stays are rows of features.
class Collector final : public MediaSink {
 public:
  Collector(FaceTracker& tracker, SpeechListener& listener, AudioRows& audio)
      : tracker_(tracker), listener_(listener), audio_(audio) {}
  void picture(const Picture& picture) override {
    const auto stride = std::int64_t(picture.stride);
    const auto pixels = at::from_blob(const_cast<std::uint8_t*>(picture.rgb.data()), {picture.height, picture.width, 3},
                                      {stride, 3, 1}, at::kByte);
    tracker_.add(pixels, picture.time);
    times_.push_back(picture.time);
  }
  void sound(std::span<const float> samples) override {
    if (samples.empty()) return;
    const auto piece = at::from_blob(const_cast<float*>(samples.data()), {std::int64_t(samples.size())}, at::kFloat);
    samples_ += samples.size();
    peak_ = std::max(peak_, piece.abs().max().item<float>());
    audio_.add(piece);
    listener_.add(piece);
  }
  [[nodiscard]] const std::vector<double>& times() const { return times_; }
  [[nodiscard]] bool has_sound() const { return samples_ > 0; }
  [[nodiscard]] bool is_silent() const { return peak_ < kSilence; }

 private:
  FaceTracker& tracker_;
  SpeechListener& listener_;
  AudioRows& audio_;
  std::vector<double> times_;
  std::size_t samples_ = 0;
  float peak_ = 0;
};

/// Passes pictures and sound on, and tells somebody how far they are.
class Watched final : public MediaSink {
 public:
  Watched(MediaSink& sink, double sample_rate, const std::function<void(double)>& watch)
      : sink_(sink), sample_rate_(sample_rate), watch_(watch) {}
  void picture(const Picture& picture) override {
    tell(picture.time);
    sink_.picture(picture);
  }
  void sound(std::span<const float> samples) override {
    samples_ += samples.size();
    tell(double(samples_) / sample_rate_);
    sink_.sound(samples);
  }
  void progress(double seconds) override { sink_.progress(seconds); }

 private:
  void tell(double seconds) {
    seconds_ = std::max(seconds_, seconds);
    if (watch_) watch_(seconds_);
  }
  MediaSink& sink_;
  double sample_rate_, seconds_ = 0;
  std::size_t samples_ = 0;
  const std::function<void(double)>& watch_;
};

/// Where the face is in the pictures in which it was found.
std::vector<FaceBox> boxes_of(const FaceFeatures& face, const std::vector<double>& times) {
  const auto& columns = face_columns();
  const auto first = std::find(columns.begin(), columns.end(), "face_left") - columns.begin();
  const auto values = face.values.narrow(1, first, 4).contiguous();  // [F, 4]
  const auto* box = values.const_data_ptr<float>();
  std::vector<FaceBox> boxes;
  for (std::size_t i = 0; i < times.size(); ++i, box += 4)
    if (face.found[i]) boxes.push_back({times[i], box[0], box[1], box[2], box[3]});
  return boxes;
}

/// Rows [F, C] of pictures where their times say: row i of the result belongs to i / rate seconds, zeros where there is
/// no picture.
at::Tensor on_one_axis(const at::Tensor& rows, const std::vector<double>& times, double rate) {
  const auto frames = std::int64_t(std::llround(times.back() * rate)) + 1;
  if (frames == rows.size(0)) return rows;
  std::vector<std::int64_t> places;
  for (const auto time : times) places.push_back(std::llround(time * rate));
  auto values = at::zeros({frames, rows.size(1)}, rows.options());
  values.index_copy_(0, at::tensor(places, at::kLong), rows);
  return values;
}

}  // namespace

struct ClipExtractor::Impl {
  Recipe recipe;
  FaceModels faces;
  VoiceActivity activity;
  SpeechRecogniser recogniser;
  std::unique_ptr<OpenSmile> opensmile;  ///< where the recipe has columns of it
  at::Tensor vision_places;

  Impl(Recipe chosen, const ExtractorModels& models)
      : recipe(std::move(chosen)),
        faces(models.face),
        activity(models.voice_activity),
        recogniser(models.speech, RecogniserOptions{recipe.text.language, recipe.version >= 2}),
        opensmile(opensmile_for(recipe.audio, models.opensmile)),
        vision_places(places_of(recipe.vision.columns, face_columns())) {}

  void add_audio(ExtractedClip& clip, const Collector& collector, AudioRows& audio, bool has_audio) const {
    if (!has_audio || !collector.has_sound()) {
      clip.facts.missing.audio = "there is no sound";
    } else if (collector.is_silent()) {
      clip.facts.missing.audio = "the sound is silent";
    } else {
      auto stored = audio.finish(opensmile.get());
      clip.audio = std::move(stored.array);
      clip.audio_file = std::move(stored.file);
      if (opensmile) clip.opensmile = opensmile->identity();
    }
  }

  void add_vision(ExtractedClip& clip, const FaceFeatures& face, const std::vector<double>& times,
                  const std::filesystem::path& file) const {
    auto& facts = clip.facts;
    facts.pictures_with_face = std::count(face.found.begin(), face.found.end(), true);
    facts.faces = face.faces;
    facts.speaker_margin = face.margin;
    if (times.empty()) {
      facts.missing.vision = "there is no picture";
    } else if (facts.pictures_with_face == 0) {
      facts.missing.vision = fmt::format("no face was found in {} pictures", times.size());
    } else {
      clip.face_boxes = boxes_of(face, times);
      const auto rows = with_columns(on_one_axis(face.values, times, recipe.vision.frames_per_second), vision_places);
      require_finite(rows, file, Modality::vision);
      clip.vision = io::to_array(rows.contiguous());
    }
  }

  static void add_text(ExtractedClip& clip, const HeardSpeech& heard) {
    if (!clip.audio || heard.seconds == 0) {
      clip.facts.missing.text = clip.audio ? "nobody speaks" : clip.facts.missing.audio;
      return;
    }
    const auto& transcript = heard.transcript;
    clip.facts.speech_seconds = heard.seconds;
    clip.transcript = transcript.text;
    clip.language = transcript.language;
    clip.facts.repeated = transcript.repeated;
    for (const auto& word : transcript.words) clip.words.push_back({word.text, word.begin, word.end, word.probability});
    if (clip.transcript.empty()) clip.facts.missing.text = "no word was understood";
  }
};

void require_video_reader() {}

ClipExtractor::ClipExtractor(Recipe recipe, const ExtractorModels& models)
    : impl_(std::make_unique<Impl>(std::move(recipe), models)) {}

ExtractedClip ClipExtractor::extract(const std::filesystem::path& file, double begin, std::optional<double> end) {
  const c10::InferenceMode inference;
  const auto& recipe = impl_->recipe;
  FaceTracker tracker(impl_->faces, face_options(recipe.vision));
  AudioRows audio(recipe.audio, file);
  SpeechListener listener(impl_->activity, impl_->recogniser, speech_options(recipe.text),
                          [&](double from, const at::Tensor& states) { audio.add_states(from, states); });
  Collector collector(tracker, listener, audio);
  Watched watched(collector, double(recipe.audio.sample_rate), progress);
  MediaOptions options;
  options.frames_per_second = recipe.vision.frames_per_second;
  options.longest_side = int(recipe.vision.longest_side);
  options.sample_rate = int(recipe.audio.sample_rate);
  options.begin = begin;
  options.end = end;
  const auto media = read_media_guarded(file, options, watched);
  if (collector.times().empty() && !collector.has_sound())
    throw DataError(fmt::format("{}: there is nothing from {} to {}", file.string(), begin,
                                end ? fmt::format("{} seconds", *end) : "the end"));
  ExtractedClip clip;
  clip.vision_rate = recipe.vision.frames_per_second;
  clip.audio_rate = recipe.audio.frames_per_second;
  auto& facts = clip.facts;
  facts.seconds = media.decoded_seconds;
  facts.declared_seconds = media.declared_seconds;
  facts.pictures = media.pictures;
  facts.corrupt_pictures = media.corrupt_pictures;
  facts.decode_errors = media.decode_errors;
  facts.cut_short = !end && media.cut_short;
  audio.finish_voice();
  const auto heard = listener.finish();
  impl_->add_audio(clip, collector, audio, media.has_audio);
  const auto face =
      collector.times().empty() ? FaceFeatures() : tracker.finish(audio.energy(), recipe.audio.frames_per_second);
  impl_->add_vision(clip, face, collector.times(), file);
  impl_->add_text(clip, heard);
  return clip;
}

#else

struct ClipExtractor::Impl {};

void require_video_reader() {
  throw DataError("this kuda was built without FFmpeg's libraries and reads no video",
                  "install libavformat-dev libavcodec-dev libswresample-dev libswscale-dev and build again");
}

ClipExtractor::ClipExtractor(Recipe, const ExtractorModels&) { require_video_reader(); }

ExtractedClip ClipExtractor::extract(const std::filesystem::path&, double, std::optional<double>) { return {}; }

#endif

ClipExtractor::~ClipExtractor() = default;

}  // namespace kuda
