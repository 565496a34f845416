#!/usr/bin/env bash
# opensmile 2.6.0 (PyPI): eGeMAPSv02 of one voice-like sound, divided by its largest sample, and the same 0.1 % softer.
# Guess: a peak of 1.0, as after librosa.util.normalize, is full scale: both give the same numbers to 0.1 %.
# Seen: HNR 6.34 dB, shimmer 1.0 dB, flux 1.85 against 10.78, 0.01, 0.37: 1.0 becomes the 16-bit sample -32768, a click.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install opensmile==2.6.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
t = np.arange(32000) / 16000
voice = sum(np.cos(2 * np.pi * 150 * k * t) / k for k in range(1, 9)).astype(np.float32)
voice /= np.abs(voice).max()
seen = []
for sound in (voice, voice * np.float32(0.999)):
    row = smile.process_signal(sound, 16000).iloc[0]
    names = ("HNRdBACF_sma3nz_amean", "shimmerLocaldB_sma3nz_amean", "spectralFlux_sma3_amean")
    seen.append(tuple(round(float(row[name]), 2) for name in names))
print("peak 1.0, peak 0.999 (HNR in dB, shimmer in dB, flux):", seen)
sys.exit(0 if seen == [(6.34, 1.0, 1.85), (10.78, 0.01, 0.37)] else 1)
PYTHON
