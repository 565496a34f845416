#!/usr/bin/env bash
# pympi-ling 1.71 (PyPI): annotations of an ELAN file are shifted one second earlier.
# Guess: 0.9 to 2 s is cut at zero and gives 0 to 1 s; 3 to 4 s gives 2 to 3 s.
# Seen: 0 to 2 s and 2 to 3 s: the annotation that reaches below zero keeps its old end, twice as long as it should be.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pympi-ling==1.71
"$work/venv/bin/python" - <<'PYTHON'
import sys, pympi
file = pympi.Eaf()
file.add_tier("sentiment")
file.add_annotation("sentiment", 900, 2000, "positive")
file.add_annotation("sentiment", 3000, 4000, "negative")
file.shift_annotations(-1000)
seen = file.get_annotation_data_for_tier("sentiment")
print("after a shift of -1000 ms:", seen)
sys.exit(0 if seen == [(0, 2000, "positive"), (2000, 3000, "negative")] else 1)
PYTHON
