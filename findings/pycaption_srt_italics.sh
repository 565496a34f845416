#!/usr/bin/env bash
# pycaption 2.3.14 (PyPI): an SRT cue with italics is written as WebVTT and read again.
# Guess: both formats have <i>, so the tags stay tags or go, and the text is "good film".
# Seen: the tags become text, "&lt;i>good&lt;/i> film": viewers see them, and a tokenizer gets the words "i" and "/i".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pycaption==2.3.14
"$work/venv/bin/python" - <<'PYTHON'
import sys, pycaption
text = "1\n00:00:01,500 --> 00:00:03,000\n<i>good</i> film\n\n"
vtt = pycaption.WebVTTWriter().write(pycaption.SRTReader().read(text))
seen = (vtt.split("\n")[3], pycaption.WebVTTReader().read(vtt).get_captions("en-US")[0].get_text())
print("WebVTT, text of it:", seen)
sys.exit(0 if seen == ("&lt;i>good&lt;/i> film", "<i>good</i> film") else 1)
PYTHON
