#!/usr/bin/env bash
# librosa 0.11.0 (PyPI): pitch and silence of a recording that is silent, as a muted microphone gives.
# Guess: yin gives NaN or 0, and effects.split finds no sound.
# Seen: yin gives the highest pitch that was allowed, in every frame, so a pause counts as a squeak; split finds one sound of the
# whole length, since its threshold counts from the loudest frame, whatever that is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install librosa==0.11.0 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys, numpy as np, librosa
silence = np.zeros(16000)
pitch = librosa.yin(silence, fmin=65, fmax=400, sr=16000)
sounds = librosa.effects.split(silence, top_db=30)
print("pitch in Hz:", sorted(set(pitch.tolist())), " samples with sound:", sounds.tolist())
sys.exit(0 if (pitch == 400).all() and sounds.tolist() == [[0, 16000]] else 1)
PYTHON
