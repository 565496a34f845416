#!/usr/bin/env bash
# empath 0.89 (PyPI; lexical categories, the free counterpart of LIWC): a sentence as people write it.
# Guess: analyze("Love, happy film.") counts "love" and "happy", as it does in "love happy film".
# Seen: every category is 0: words are cut at spaces alone, so a capital or a comma hides them, and nothing says so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install empath==0.89
"$work/venv/bin/python" - <<'PYTHON'
import sys
from empath import Empath
lexicon = Empath()
seen = [sum(lexicon.analyze(text).values()) for text in ("love happy film", "Love, happy, film.")]
print("hits of the two:", seen)
sys.exit(0 if seen[0] > 0 and seen[1] == 0 else 1)
PYTHON
