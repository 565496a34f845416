#!/usr/bin/env bash
# PyAV 18.1.0 (PyPI, with FFmpeg 8.1): AAC packets are copied from MP4 to Matroska and decoded.
# Guess: the packets are the same, so the samples are too, and a click stays where it was.
# Seen: Matroska gives 1024 samples more, all of them before the click: windows by sample index move by 23 ms at 44.1 kHz.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys, av, numpy as np
sound = np.zeros((1, 44100), np.float32)
sound[0, 20000:20040] = 0.5
with av.open("clip.mp4", "w") as file:
    stream = file.add_stream("aac", rate=44100, layout="mono")
    for start in range(0, 44100, 1024):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[:, start:start + 1024]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, start
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
with av.open("clip.mp4") as file, av.open("clip.mkv", "w") as copy:
    stream = copy.add_stream_from_template(file.streams.audio[0])
    for packet in file.demux(audio=0):
        if packet.dts is not None:
            packet.stream = stream
            copy.mux(packet)
seen = []
for name in ("clip.mp4", "clip.mkv"):
    with av.open(name) as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    seen.append((len(samples), int(np.argmax(np.abs(samples) > 0.2))))
print("MP4, Matroska (samples, start of the click):", seen)
sys.exit(0 if seen[1][0] - seen[0][0] == 1024 and seen[1][1] - seen[0][1] == 1024 else 1)
PYTHON
