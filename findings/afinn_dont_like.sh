#!/usr/bin/env bash
# afinn 0.1 (PyPI): "I don't like it" is positive.
# Guess: -2, since the word list has the phrase, and phrases such as "can't stand" are found.
# Seen: +2. The list spells "dont like" without the apostrophe but "can't stand" with it, so only "like" is found.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install afinn==0.1
"$work/venv/bin/python" - <<'PYTHON'
import sys
from afinn import Afinn
afinn = Afinn()
seen = [afinn.score(text) for text in ("I don't like it", "I dont like it", "I can't stand it")]
print("don't like, dont like, can't stand:", seen)
sys.exit(0 if seen == [2.0, -2.0, -3.0] else 1)
PYTHON
