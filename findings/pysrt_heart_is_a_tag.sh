#!/usr/bin/env bash
# pysrt 1.1.2 beside pysubs2 1.8.1 (PyPI): a subtitle with a heart and an arrow, as people type them.
# Guess: text_without_tags takes <i> and its like out of "I <3 this film -> 10/10", so nothing.
# Seen: "I  10/10": everything from < to the next > is a tag, and the film is no longer loved. pysubs2 keeps the line.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pysrt==1.1.2 pysubs2==1.8.1
"$work/venv/bin/python" - <<'PYTHON'
import sys, pysrt, pysubs2
line = "I <3 this film -> 10/10"
content = f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n"
seen = pysrt.from_string(content)[0].text_without_tags, pysubs2.SSAFile.from_string(content)[0].plaintext
print("pysrt, pysubs2:", seen)
sys.exit(0 if seen == ("I  10/10", line) else 1)
PYTHON
