#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI, with FFmpeg 8.1): the fps filter on two seconds of video at 25 frames per second.
# Guess: fps=1 gives the frames at 0 s and 1 s, so that picture k belongs to the k-th second of the features.
# Seen: it gives frames 12 and 37, at 0.48 s and 1.48 s: every picture is half a period later than its own time stamp.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
from fractions import Fraction
import av, numpy as np
graph = av.filter.Graph()
source = graph.add_buffer(width=16, height=16, format="gray", time_base=Fraction(1, 25))
rate, sink = graph.add("fps", "1"), graph.add("buffersink")
source.link_to(rate)
rate.link_to(sink)
graph.configure()
for number in range(50):                                         # every pixel of a frame is the number of the frame
    frame = av.VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
    frame.pts, frame.time_base = number, Fraction(1, 25)
    source.push(frame)
source.push(None)
seen = []
for _ in range(2):
    frame = sink.pull()
    seen.append((float(frame.pts * frame.time_base), int(frame.to_ndarray()[0, 0])))
print("time stamp in s, number of the frame shown:", seen)
sys.exit(0 if seen == [(0.0, 12), (1.0, 37)] else 1)
PYTHON
