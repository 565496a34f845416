#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 beside PyAV 18.1.0 (PyPI): a clip of two seconds at 25 and four at 5 frames per second, as phones make
# them in poor light.
# Guess: VideoCapture.set(CAP_PROP_POS_MSEC, 2500) and read() give the picture that is seen at 2.5 s.
# Seen: the picture of 1.2 s: the time is turned into a number of frames by the mean rate, and get() then tells 1200 ms.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys
from fractions import Fraction
import av, cv2, numpy as np
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
times, greys = zip(*((float(frame.time), int(frame.to_ndarray(format="gray")[0, 0])) for frame in av.open(work + "/clip.mp4").decode(video=0)))
seen = []
for asked in (1000, 2500, 4000):
    video = cv2.VideoCapture(work + "/clip.mp4")
    video.set(cv2.CAP_PROP_POS_MSEC, asked)
    grey = int(video.read()[1][0, 0, 0])
    seen.append((asked, round(1000 * min(zip(times, greys), key=lambda frame: abs(frame[1] - grey))[0])))
print("mean rate:", round(cv2.VideoCapture(work + "/clip.mp4").get(cv2.CAP_PROP_FPS), 2), "asked for and shown, in ms:", seen)
sys.exit(0 if seen == [(1000, 480), (2500, 1200), (4000, 1920)] else 1)
PYTHON
