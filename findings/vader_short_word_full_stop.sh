#!/usr/bin/env bash
# vaderSentiment 3.3.2 (PyPI; the lexicon of social media): a short word at the end of a sentence.
# Guess: "It was ok." scores as "It was ok": punctuation is stripped from the words before they are looked up.
# Seen: 0.0 against 0.296: what is left with two letters or fewer keeps its full stop or comma, and "ok." is in no list. "I said
# no." is 0.0 too, without the full stop -0.296.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install vaderSentiment==3.3.2
"$work/venv/bin/python" - <<'PYTHON'
import sys
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
score = lambda text: SentimentIntensityAnalyzer().polarity_scores(text)["compound"]
seen = [(text, score(text)) for text in ("It was ok", "It was ok.", "It was fun", "It was fun.", "I said no", "I said no.")]
print(seen)
sys.exit(0 if [value for _, value in seen] == [0.296, 0.0, 0.5106, 0.5106, -0.296, 0.0] else 1)
PYTHON
