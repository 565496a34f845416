#!/usr/bin/env bash
# jiwer 4.0.0 (PyPI): word error rate of a transcript that is broken into two lines, as subtitles are.
# Guess: any white space separates words, so "good", line break, "film" has no error against "good film".
# Seen: 1.0, since one line break or tab joins the words; an empty line between them gives 0.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install jiwer==4.0.0
"$work/venv/bin/python" - <<'PYTHON'
import sys, jiwer
seen = [jiwer.wer("good film", text) for text in ("good\nfilm", "good\tfilm", "good\n\nfilm")]
print("line break, tab, empty line:", seen)
sys.exit(0 if seen == [1.0, 1.0, 0.0] else 1)
PYTHON
