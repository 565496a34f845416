#pragma once
// The C++ API in one header: installed as <kuda/predictor.h>. No LibTorch, no JSON. examples/score/ is a whole program.

#include "kuda/base/error.h"
#include "kuda/checkpoint/conformal.h"
#include "kuda/data/modality.h"
#include "kuda/predictor/clip.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/predictor/predictor.h"
