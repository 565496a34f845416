// The score of one clip by a checkpoint, in a program of somebody else; and its score without vision.
//
//   score CHECKPOINT TEXT [FRAMES.npz]        frames: arrays named vision and audio

#include <kuda/predictor.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "score CHECKPOINT TEXT [FRAMES]\n");
    return 2;
  }
  try {
    const kuda::Predictor predictor(argv[1]);
    kuda::ClipInput clip;
    clip.text = argv[2];
    if (argc > 3) {
      clip.vision = kuda::load_frames(argv[3], kuda::Modality::vision);
      clip.audio = kuda::load_frames(argv[3], kuda::Modality::audio);
    }
    const kuda::ClipScore score = predictor.score(clip);
    std::printf("%.9g\n", double(score.score));
    if (score.interval) std::printf("%.9g to %.9g\n", score.interval->low, score.interval->high);
    clip.leave_out(kuda::Modality::vision);
    std::printf("without vision %.9g\n", double(predictor.score(clip).score));
    return 0;
  } catch (const kuda::Error& error) {
    std::fprintf(stderr, "score: %s\n", error.what());
    return 1;
  }
}
