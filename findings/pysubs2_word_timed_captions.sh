#!/usr/bin/env bash
# pysubs2 1.8.1 beside webvtt-py 0.6.0 (PyPI): a WebVTT cue with time stamps inside the line, as captions timed by word have.
# Guess: the cue reads "I love it", with or without marks inside.
# Seen: the line with two stamps is taken for a time line: pysubs2 gives a cue from stamp to stamp, and both cues have no text.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pysubs2==1.8.1 webvtt-py==0.6.0
"$work/venv/bin/python" - <<'PYTHON'
import sys, pysubs2, webvtt
text = "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nI<00:00:01.500><c> love</c><00:00:02.000><c> it</c>\n\n"
seen = [(cue.start, cue.end, cue.plaintext) for cue in pysubs2.SSAFile.from_string(text, format_="vtt")]
other = [cue.text for cue in webvtt.from_string(text)]
print("pysubs2:", seen, " webvtt-py:", other)
sys.exit(0 if seen == [(1000, 3000, ""), (1500, 2000, "")] and other == ["I love it"] else 1)
PYTHON
