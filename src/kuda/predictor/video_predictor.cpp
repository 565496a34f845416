#include "kuda/predictor/video_predictor.h"

#include <mutex>
#include <span>
#include <utility>

#include "kuda/predictor/video_recipe.h"
#include "kuda/predictor/video_source.h"

namespace kuda {
namespace {

PredictorFacts facts_without(PredictorFacts facts, const PerModality<bool>& without) {
  for (const auto modality : kModalities)
    if (without[modality]) facts.inputs[modality].is_in_use = false;
  return facts;
}

}  // namespace

struct VideoPredictor::Impl {
  Predictor predictor;
  PredictorFacts facts;
  std::unique_ptr<ClipExtractor> source;
  std::mutex extracting;

  Impl(const std::filesystem::path& checkpoint, const VideoOptions& options)
      : predictor(checkpoint, options.predictor),
        facts(facts_without(predictor.facts(), options.without)),
        source(
            video_source(facts, checkpoint,
                         {.folder = options.extractor, .speech = options.speech_model, .opensmile = options.opensmile},
                         options.any_recipe)) {}
};

VideoPredictor::VideoPredictor(const std::filesystem::path& checkpoint, const VideoOptions& options)
    : impl_(std::make_unique<Impl>(checkpoint, options)) {}

VideoPredictor::VideoPredictor(VideoPredictor&&) noexcept = default;
VideoPredictor& VideoPredictor::operator=(VideoPredictor&&) noexcept = default;
VideoPredictor::~VideoPredictor() = default;

VideoScore VideoPredictor::score(const std::filesystem::path& file, double begin, std::optional<double> end) const {
  auto clip = [&] {
    const std::lock_guard lock(impl_->extracting);
    return impl_->source->extract(file, begin, end);
  }();
  auto input = impl_->predictor.input_of(clip, file.stem().string());
  for (const auto modality : kModalities)
    if (!impl_->facts.inputs[modality].is_in_use) input.leave_out(modality);
  require_something(input, clip, impl_->facts, file.string());
  VideoScore video;
  video.missing = missing_in(clip, impl_->facts);
  video.explanation = impl_->predictor.explain(std::span(&input, 1)).front();
  video.report = std::move(static_cast<ClipReport&>(clip));
  return video;
}

const Predictor& VideoPredictor::predictor() const noexcept { return impl_->predictor; }

const PredictorFacts& VideoPredictor::facts() const noexcept { return impl_->facts; }

}  // namespace kuda
