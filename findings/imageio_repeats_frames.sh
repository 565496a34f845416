#!/usr/bin/env bash
# imageio 2.38.1 with imageio-ffmpeg 0.8.1 beside PyAV 18.1.0 (PyPI): a clip of two seconds at 25 and four at 5 frames per second.
# Guess: it gives the 70 frames of the file, and the number of a frame divided by the rate it tells is the frame's time.
# Seen: 146 frames, since frames are repeated to fill a steady 25 per second, while the rate it tells is the mean, 11.99: the last
# picture of a clip of 6 s would be at 12 s. Its PyAV plugin gives 70.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install imageio==2.38.1 imageio-ffmpeg==0.8.1 av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys
from fractions import Fraction
import av, imageio.v3 as imageio, numpy as np
work = sys.argv[1]
with av.open(work + "/clip.mp4", "w") as file:                              # every pixel of frame k is about 16 + 3 k
    stream = file.add_stream("libx264", rate=25, options={"crf": "0", "bf": "0"})
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    for number, time in enumerate([40 * k for k in range(50)] + [2000 + 200 * k for k in range(20)]):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64), 16 + 3 * number, np.uint8), format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())
clip = work + "/clip.mp4"
seen = (len(imageio.imread(clip, plugin="FFMPEG")), imageio.immeta(clip, plugin="FFMPEG")["fps"], len(imageio.imread(clip, plugin="pyav")))
print("frames by FFmpeg, rate that it tells, frames by PyAV:", seen)
sys.exit(0 if seen == (146, 11.99, 70) else 1)
PYTHON
