#pragma once
// The C++ API for videos in one header: installed as <kuda/video.h>, of the component `video` of the package. No
// LibTorch, no JSON, nothing of FFmpeg. examples/score_video/ is a whole program.

#include "kuda/base/error.h"
#include "kuda/extract/clip_report.h"
#include "kuda/predictor/video_predictor.h"
