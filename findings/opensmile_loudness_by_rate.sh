#!/usr/bin/env bash
# opensmile 2.6.0 (PyPI): eGeMAPSv02 of one tone of 150 Hz at three sample rates.
# Guess: the tone has the same strength at each rate and lies far below half of the lowest, so its mean loudness is the same.
# Seen: 0.257 at 8 kHz, 0.372 at 16 kHz, 0.646 at 44.1 kHz, while equivalentSoundLevel_dBp stays at -9.03: the rate leaks in.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install opensmile==2.6.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
seen = []
for rate in (8000, 16000, 44100):
    tone = (0.5 * np.sin(2 * np.pi * 150 * np.arange(2 * rate) / rate)).astype(np.float32)
    row = smile.process_signal(tone, rate).iloc[0]
    seen.append((round(float(row["loudness_sma3_amean"]), 3), round(float(row["equivalentSoundLevel_dBp"]), 2)))
print("8, 16, 44.1 kHz (loudness, level in dB):", seen)
sys.exit(0 if seen == [(0.257, -9.03), (0.372, -9.03), (0.646, -9.03)] else 1)
PYTHON
