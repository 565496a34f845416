#!/usr/bin/env bash
# textblob 0.20.1 (PyPI): spelling correction of words that critics use.
# Guess: correct() leaves proper English words as they are, or makes a word of the same kind of them.
# Seen: "unconvincing" becomes "convincing", "untalented" talented, "uninspired" inspired: the list behind it has few words with
# "un", and the word without it is two letters away. Correction before scoring turns such reviews into praise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install textblob==0.20.1
"$work/venv/bin/python" - <<'PYTHON'
import sys
from textblob import TextBlob
words = ("unconvincing", "untalented", "uninspired", "unoriginal", "unappealing", "unfunny", "unremarkable")
seen = {word: str(TextBlob(word).correct()) for word in words}
print(seen, "| polarity of two:", [TextBlob(word).sentiment.polarity for word in ("unconvincing", "convincing")])
sys.exit(0 if all(word == "un" + corrected for word, corrected in seen.items()) else 1)
PYTHON
