#!/usr/bin/env bash
# srt 3.5.3, pysrt 1.1.2, pysubs2 1.8.1 (PyPI): a fraction of a second with fewer than three digits.
# Guess: "00:00:01,5" is one and a half seconds in each.
# Seen: 1.005 s in srt and pysrt (the digits are counted as milliseconds), 1.5 s in pysubs2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install srt==3.5.3 pysrt==1.1.2 pysubs2==1.8.1
"$work/venv/bin/python" - <<'PYTHON'
import sys, pysrt, pysubs2, srt
text = "1\n00:00:01,5 --> 00:00:03,25\ngood film\n\n"
seen = (next(iter(srt.parse(text))).start.total_seconds(), pysrt.from_string(text)[0].start.ordinal / 1000,
        pysubs2.SSAFile.from_string(text, format_="srt")[0].start / 1000)
print("srt, pysrt, pysubs2:", seen)
sys.exit(0 if seen == (1.005, 1.005, 1.5) else 1)
PYTHON
