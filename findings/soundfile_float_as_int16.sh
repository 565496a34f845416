#!/usr/bin/env bash
# soundfile 0.14.0 (PyPI): read(dtype="int16") of a WAV file of floats gives zeros.
# Guess: 0.5 becomes 16384, as a file of 16-bit numbers read as float becomes 0.5.
# Seen: 0, 0, 0: only in one direction does it scale. A 32-bit float recording is silence for whoever asks for int16.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install soundfile==0.14.0 numpy==2.4.6
"$work/venv/bin/python" - "$work/float.wav" <<'PYTHON'
import sys
import soundfile
soundfile.write(sys.argv[1], [0.5, -0.5, 0.25], 16000, subtype="FLOAT")
seen = soundfile.read(sys.argv[1], dtype="int16")[0].tolist()
print("0.5, -0.5, 0.25 as int16:", seen)
sys.exit(0 if seen == [0, 0, 0] else 1)
PYTHON
