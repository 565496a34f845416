#!/usr/bin/env bash
# webvtt-py 0.5.1 (PyPI): when a caption starts and ends, in seconds.
# Guess: start_in_seconds of a caption at 00:00:01.500 is 1.5, so audio can be cut by it.
# Seen: 1, and 3 for an end at 00:00:03.900: the property is whole seconds, cut down; two captions within a second get equal starts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install webvtt-py==0.5.1
cd "$work"
printf 'WEBVTT\n\n00:00:01.100 --> 00:00:01.500\nyes\n\n00:00:01.500 --> 00:00:03.900\nbut no\n' >clip.vtt
"$work/venv/bin/python" - <<'PYTHON'
import sys, webvtt
seen = [(c.start_in_seconds, c.end_in_seconds) for c in webvtt.read("clip.vtt")]
print("1.1 to 1.5, 1.5 to 3.9:", seen)
sys.exit(0 if seen == [(1, 1), (1, 3)] else 1)
PYTHON
