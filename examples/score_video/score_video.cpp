// The score of one video by a trained model, in a program of somebody else: score, parts, words.
//
//   score_video RUN VIDEO [EXTRACTOR]        EXTRACTOR: the weights, where the run keeps none

#include <kuda/video.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "score_video RUN VIDEO [EXTRACTOR]\n");
    return 2;
  }
  try {
    kuda::VideoOptions options;
    if (argc > 3) options.extractor = argv[3];
    const kuda::VideoPredictor predictor(argv[1], options);
    const kuda::VideoScore video = predictor.score(argv[2]);
    const kuda::ClipScore& score = video.explanation.clip;
    std::printf("%.9g\n", double(score.score));
    if (score.interval) std::printf("%.9g to %.9g\n", score.interval->low, score.interval->high);
    for (const auto modality : kuda::kModalities) {
      const std::string name(kuda::modality_name(modality));
      if (!video.missing[modality].empty())
        std::printf("%s: %s\n", name.c_str(), video.missing[modality].c_str());
      else if (const auto without = video.explanation.without[modality])
        std::printf("%s: without it %.9g\n", name.c_str(), *without);
    }
    for (const auto& word : video.report.words) std::printf("%.2f %.2f %s\n", word.begin, word.end, word.text.c_str());
    std::printf("%s\n", video.report.transcript.c_str());
    return 0;
  } catch (const kuda::Error& error) {
    std::fprintf(stderr, "score_video: %s\n", error.what());
    return 1;
  }
}
