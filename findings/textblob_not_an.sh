#!/usr/bin/env bash
# textblob 0.20.1 (PyPI): a negated adjective with another word between, and a contraction.
# Guess: "It is not an amazing film" is turned round as "It is not a great film" is, and "It isn't good" as "It is not good".
# Seen: -0.4 against +0.6, -0.35 against +0.7: a word between of two letters or more ends the negation, so "an", "the" and "my" undo
# what "a" keeps; and n't is no negation.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install textblob==0.20.1
"$work/venv/bin/python" - <<'PYTHON'
import sys
from textblob import TextBlob
texts = "It is not a great film", "It is not an amazing film", "It is not good", "It isn't good"
seen = [round(TextBlob(text).sentiment.polarity, 2) for text in texts]
print(dict(zip(texts, seen)))
sys.exit(0 if seen == [-0.4, 0.6, -0.35, 0.7] else 1)
PYTHON
