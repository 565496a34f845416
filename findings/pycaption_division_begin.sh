#!/usr/bin/env bash
# pycaption 2.3.14 (PyPI): a TTML file whose division begins at 10 s and holds a cue from 1.5 s to 3 s.
# Guess: the times of a cue count from the begin of what holds it, as TTML says: 11.5 s to 13 s.
# Seen: 1.5 s to 3 s: the begin of the division is left out, and every cue in it comes 10 s early.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pycaption==2.3.14
"$work/venv/bin/python" - <<'PYTHON'
import sys, pycaption
text = ('<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"><body><div begin="10s">'
        '<p begin="1.5s" end="3s">good film</p></div></body></tt>')
seen = [(cue.start, cue.end) for cue in pycaption.DFXPReader().read(text).get_captions("en")]
print("start and end in microseconds:", seen)
sys.exit(0 if seen == [(1500000, 3000000)] else 1)
PYTHON
