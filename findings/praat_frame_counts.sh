#!/usr/bin/env bash
# praat-parselmouth 0.4.7 (PyPI): analyses of one sound with one time step have different numbers of frames and time axes.
# Guess: one second at a step of 10 ms gives the same number of frames for pitch, intensity, formants and harmonicity.
# Seen: 97, 94, 95 and 98 frames whose first centres lie at 20, 35, 30 and 15 ms: columns joined by index are shifted by up to 20 ms.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install praat-parselmouth==0.4.7 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, numpy as np, parselmouth
sound = parselmouth.Sound(0.5 * np.sin(2 * np.pi * 150 * np.arange(16000) / 16000), 16000)
analyses = [sound.to_pitch(0.01), sound.to_intensity(time_step=0.01), sound.to_formant_burg(0.01),
            sound.to_harmonicity(time_step=0.01)]
seen = [(a.n_frames, round(float(a.xs()[0]), 3)) for a in analyses]
print("pitch, intensity, formants, harmonicity (frames, first centre in s):", seen)
sys.exit(0 if seen == [(97, 0.02), (94, 0.035), (95, 0.03), (98, 0.015)] else 1)
PYTHON
