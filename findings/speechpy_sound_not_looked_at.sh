#!/usr/bin/env bash
# speechpy 2.4 and spafe 0.3.3 (PyPI): features of sound at 44.1 kHz in frames of 20 ms, with their default FFT of 512 points.
# Guess: a frame of 882 samples gets a longer FFT or is refused; python_speech_features at least warns.
# Seen: only the first 512 samples of a frame are looked at, without a message: with loud noise in the other 42 %, not one number
# changes. At 16 kHz, where a frame has 320 samples, nothing is left out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/pip" -q install --no-deps speechpy==2.4 spafe==0.3.3 typing_extensions==4.16.0
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np, speechpy
from spafe.features.mfcc import mfcc
from spafe.utils.preprocessing import SlidingWindow
random, seen = np.random.default_rng(1), []
for rate in (16000, 44100):
    size = rate // 50                                                                  # samples of a frame
    quiet = 0.01 * random.standard_normal(rate)
    loud = quiet.copy()
    for frame in range(0, rate, size):
        loud[frame + size * 512 // 882:frame + size] += 0.5                            # the last 42 % of each
    by_speechpy = [speechpy.feature.lmfe(sound, rate, frame_length=0.02, frame_stride=0.02) for sound in (quiet, loud)]
    by_spafe = [mfcc(sound, fs=rate, pre_emph=False, window=SlidingWindow(0.02, 0.02, "hamming")) for sound in (quiet, loud)]
    seen.append([rate] + [round(float(abs(a - b).max()), 2) for a, b in (by_speechpy, by_spafe)])
print("rate, largest change of a number by speechpy and spafe:", seen)
sys.exit(0 if min(seen[0][1:]) > 1 and seen[1][1:] == [0, 0] else 1)
PYTHON
