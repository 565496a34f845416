#!/usr/bin/env bash
# pydub 0.25.1 (PyPI): set_frame_rate(8000) does not filter before it leaves samples out.
# Guess: a tone of 7 kHz, which 8 kHz sound cannot hold, is gone, as after ffmpeg, sox or librosa.
# Seen: it comes out as a tone of 1 kHz at full strength, so hiss of a voice turns into energy where speech is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pydub==0.25.1 numpy==2.4.6
"$work/venv/bin/python" -W ignore - <<'PYTHON'
import sys
import numpy as np
from pydub import AudioSegment
wave = 0.5 * np.sin(2 * np.pi * 7000 * np.arange(16000) / 16000)
sound = AudioSegment((wave * 32767).astype("<i2").tobytes(), sample_width=2, frame_rate=16000, channels=1)
low = np.frombuffer(sound.set_frame_rate(8000).raw_data, "<i2") / 32767
spectrum = np.abs(np.fft.rfft(low))
print(f"7000 Hz at 16 kHz, peak 0.50 -> {spectrum.argmax() * 8000 / len(low):.0f} Hz at 8 kHz, peak {abs(low).max():.2f}")
sys.exit(0 if spectrum.argmax() * 8000 / len(low) == 1000 and abs(low).max() > 0.45 else 1)
PYTHON
