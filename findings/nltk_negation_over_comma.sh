#!/usr/bin/env bash
# nltk 3.10.4 (PyPI): mark_negation, which adds _NEG to the words between a negation and a punctuation mark, by its documentation.
# Guess: a comma is a punctuation mark, so in "not bad, great film" only "bad" is negated.
# Seen: "great_NEG", and the comma itself is ",_NEG": commas do not end it; "no, it is good" counts as not good.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install nltk==3.10.4
"$work/venv/bin/python" - <<'PYTHON'
import sys
from nltk.sentiment.util import mark_negation
seen = [mark_negation(text.split()) for text in ("not bad , great film", "no , it is good")]
print(seen)
sys.exit(0 if seen == [["not", "bad_NEG", ",_NEG", "great_NEG", "film_NEG"], ["no", ",_NEG", "it_NEG", "is_NEG", "good_NEG"]] else 1)
PYTHON
