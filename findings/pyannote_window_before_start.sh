#!/usr/bin/env bash
# pyannote.core 6.1.0 (PyPI): the frames of the first second of a recording, by windows of 25 ms every 10 ms.
# Guess: SlidingWindow.crop gives indices from 0 up, which take rows out of an array of features.
# Seen: they begin at -2, for windows that would have begun before the recording; as indices of an array those are its last rows.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pyannote.core==6.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np
from pyannote.core import Segment, SlidingWindow
frames = SlidingWindow(duration=0.025, step=0.010, start=0.0).crop(Segment(0, 1))
features = np.arange(500)                                                   # the number of each frame
seen = features[frames][:4].tolist()
print("indices:", frames[:4], "frames taken:", seen)
sys.exit(0 if seen == [498, 499, 0, 1] else 1)
PYTHON
