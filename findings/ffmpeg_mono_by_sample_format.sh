#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI, with FFmpeg 8.1): two equal channels become one.
# Guess: mono is the mean of the channels whatever the sample format, so 8000 in both stays 8000 of 32768.
# Seen: 8000 when the output is 16-bit, 11314 when it is float: the same clip is 3 dB louder, and loud speech goes above 1.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, av, numpy as np
seen = []
for output in ("s16", "flt"):
    frame = av.AudioFrame.from_ndarray(np.full((1, 3200), 8000, np.int16), format="s16", layout="stereo")
    frame.sample_rate = 16000
    mono = av.AudioResampler(format=output, layout="mono").resample(frame)[0].to_ndarray()
    seen.append(round(float(mono[0, 800]) * (32768 if output == "flt" else 1)))
print("s16, float (in units of 1/32768):", seen)
sys.exit(0 if seen == [8000, 11314] else 1)
PYTHON
