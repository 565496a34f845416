#!/usr/bin/env bash
# webrtcvad-wheels 2.0.14.post1 (PyPI): white noise and a steady tone are speech, in the strictest mode too.
# Guess: mode 3, "most aggressive about filtering out non-speech", refuses both.
# Seen: 33 of 33 frames of either are speech; only silence is not. It tells loud from quiet, not speech from noise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install webrtcvad-wheels==2.0.14.post1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys
import numpy as np
import webrtcvad
time = np.arange(16000) / 16000
sounds = {"white noise": 0.1 * np.random.default_rng(0).normal(size=16000),
          "1 kHz tone": 0.3 * np.sin(2 * np.pi * 1000 * time), "silence": 0 * time}
seen = {}
for name, sound in sounds.items():
    data = (sound * 32767).astype("<i2").tobytes()
    detector = webrtcvad.Vad(3)
    seen[name] = sum(detector.is_speech(data[i:i + 960], 16000) for i in range(0, len(data) - 959, 960))
print("frames of 33 that are speech:", seen)
sys.exit(0 if seen == {"white noise": 33, "1 kHz tone": 33, "silence": 0} else 1)
PYTHON
