#!/usr/bin/env bash
# srt 3.5.3 (PyPI): a subtitle time without hours is read as hours and minutes.
# Guess: "00:01,500" (minutes:seconds, as WebVTT writes short times) gives 1.5 s, or an error.
# Seen: it is 560 s (0 h, 1 min, 500 s), and the cue ends before it begins; pysrt 1.1.2 and pysubs2 1.8.1 leave the cue out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install srt==3.5.3 pysrt==1.1.2 pysubs2==1.8.1
"$work/venv/bin/python" - <<'PYTHON'
import sys, pysrt, pysubs2, srt
text = "1\n00:01,500 --> 00:03,000\ngood film\n\n"
cue = next(iter(srt.parse(text)))
seen = (cue.start.total_seconds(), cue.end.total_seconds())
others = (len(pysrt.from_string(text)), len(pysubs2.SSAFile.from_string(text, format_="srt")))
print("srt:", seen, " cues of pysrt and pysubs2:", others)
sys.exit(0 if seen == (560.0, 180.0) and others == (0, 0) else 1)
PYTHON
