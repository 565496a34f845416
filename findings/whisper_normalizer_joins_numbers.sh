#!/usr/bin/env bash
# whisper-normalizer 0.1.15 (PyPI; the text normaliser of Whisper's word error rates): two numbers with a comma between.
# Guess: "in two thousand and one, one of us cried" gives "in 2001 1 of us cried".
# Seen: "in 20011 of us cried": the comma is gone before numbers are read, and the two become one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q install whisper-normalizer==0.1.15
"$work/venv/bin/python" - <<'PYTHON'
import sys
from whisper_normalizer.english import EnglishTextNormalizer
seen = EnglishTextNormalizer()("In two thousand and one, one of us cried")
print(seen)
sys.exit(0 if seen == "in 20011 of us cried" else 1)
PYTHON
